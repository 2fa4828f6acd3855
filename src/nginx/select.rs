//! Which server and location a request meets.

mod location;
mod server;

pub(super) use location::locate;
pub(super) use server::{Listener, Listeners, Named};
