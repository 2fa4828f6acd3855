//! Requests that stand for the places of a config that decide about requests.

use super::site::ApacheSite;
use crate::server::Route;

pub(super) fn routes(_site: &ApacheSite) -> Vec<Route> {
    Vec::new()
}
