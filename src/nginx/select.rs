//! Which server and location a request meets.

mod location;
mod server;

pub(super) use location::{Chosen, locate};
pub(super) use server::{Listener, Listeners, Named};
