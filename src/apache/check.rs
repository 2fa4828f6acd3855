//! What is wrong with a config without looking at any request.

use super::read::Config;
use super::site::ApacheSite;
use crate::finding::Finding;

pub(super) fn check(_site: &ApacheSite, _config: &Config) -> Vec<Finding> {
    Vec::new()
}
