//! ModSecurity, as far as methods go: the language of its rules, and what phases 1 and 2 do with a request.
//!
//! Two servers load it: Apache httpd as mod_security2, whose directives stand in the config itself, and nginx through a
//! connector that reads rules files. Both feed a [`Context`] for each section of their config, let it inherit with
//! [`Context::within`], and make a [`Policy`] of the outcome, whose [`Policy::decide`] runs in their own phases. The rules are
//! those of the Reference Manual; where the manual is silent, `apache2/re.c` of version 2 and `src/rules_set.cc` of version 3
//! decide. A rule that looks for attacks meets the request as it is: what a plain request does not have, it does not find.

mod action;
mod check;
mod context;
mod mend;
mod operator;
mod policy;
mod request;
mod rule;
mod run;
mod statement;
mod template;
mod transaction;
mod transform;
mod variable;

pub use action::Engine;
pub use check::method_policies;
pub use context::{Context, Edition};
pub use mend::admit;
pub use policy::{Intervention, Phase, Policy};
pub use statement::{Statement, statements};
pub use transaction::Transaction;

#[cfg(test)]
mod tests;
