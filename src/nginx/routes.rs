//! Requests that stand for the parts of a config.

use std::sync::Arc;

use super::select::Listeners;
use super::site::Model;
use crate::ask::Input;
use crate::server::Route;

pub(super) fn routes(_model: &Model, _listeners: &Listeners) -> Vec<Route> {
    Vec::new()
}

pub(super) fn candidates(_model: &Model, _input: &Input) -> Vec<Arc<str>> {
    Vec::new()
}
