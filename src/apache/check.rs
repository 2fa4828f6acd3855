//! What is wrong with a config without looking at any request.

mod context;

use super::read::Config;
use super::site::ApacheSite;
use crate::finding::Finding;
use crate::server::Task;

pub(super) fn check(_site: &ApacheSite, config: &Config, task: &Task, htaccess: bool) -> Vec<Finding> {
    context::check(config, task.target, htaccess)
}
