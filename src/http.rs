//! HTTP as far as a config can look at it: methods, requests, answers.

mod message;
mod method;

pub use message::{Answer, Part, Request, Step, UpstreamMethod, Verdict};
pub use method::{ByMethod, IDEMPOTENT, MethodSet, REGISTERED, STAND_IN, STANDARD, Universe, is_token};
