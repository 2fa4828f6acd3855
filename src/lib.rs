//! proxylint runs the configuration of a reverse proxy and tells what happens to each HTTP method on each route.
//!
//! The modules in reading order: [`source`] reads files, [`syntax`] is the tree that parsers build, [`http`] knows methods and
//! answers, [`ask`] explores what is not known, [`pattern`] reads regular expressions, [`grammar`] lists the directives of the
//! servers, [`modsecurity`] is the firewall that two of them load, [`server`] is what each wing implements, [`finding`] is what
//! comes out, [`survey`] asks a site about its routes, and [`rules`] say what is worth saying. [`lint`] and [`trace`] are what is
//! done with a config, [`report`] writes it down, [`cli`] is the command line.

pub mod source;
pub mod syntax;
pub mod http;
pub mod ask;
pub mod pattern;
mod base64;
mod password;
pub mod grammar;
pub mod dialect;
pub mod modsecurity;
pub mod mend;
pub mod server;
pub mod nginx;
pub mod apache;
pub mod haproxy;
pub mod finding;
pub mod survey;
pub mod rules;
pub mod collect;
pub mod config;
pub mod lint;
pub mod trace;
pub mod matrix;
pub mod contract;
pub mod suppress;
pub mod baseline;
pub mod fix;
pub mod uri;
pub mod report;
pub mod cli;
