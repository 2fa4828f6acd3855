//! The location (`ngx_http_core_find_location`).

use std::sync::Arc;

use crate::nginx::site::{Found, Matching, Model, ScopeId, ScopeKind};
use crate::pattern::Pattern;

/// The location of a URI.
#[derive(Debug)]
pub(in super::super) struct Chosen {
    pub scope: ScopeId,
    /// The URI lacks the location's last slash: nginx redirects to it.
    pub redirect: bool,
    /// The regexes that matched, the innermost last, for their groups.
    pub patterns: Vec<Arc<Pattern>>,
    /// A regex on the way could not be read.
    pub doubtful: bool,
}

/// How one level ended, in the words of nginx's return codes.
enum Level {
    /// `NGX_OK`, `NGX_DONE`: nothing else may win.
    Final,
    /// `NGX_AGAIN`, `NGX_DECLINED`: a regex of the level around may still win.
    Open,
}

/// Finds the location for a URI among those of a server. The server itself stands for a URI that none takes.
pub(in super::super) fn locate(model: &Model, server: ScopeId, uri: &str) -> Chosen {
    let mut chosen = Chosen { scope: server, redirect: false, patterns: Vec::new(), doubtful: false };
    search(model, uri, &mut chosen, 0);
    chosen
}

/// The levels nest no deeper than the builder lets them.
fn search(model: &Model, uri: &str, chosen: &mut Chosen, depth: usize) -> Level {
    let around = chosen.scope;
    let Some(locations) = model.scope(around).locations.as_deref().filter(|_| depth < 64) else { return Level::Open };
    let mut try_regexes = true;
    match locations.search(uri) {
        Found::Exact(scope) => {
            chosen.scope = scope;
            return Level::Final;
        }
        Found::Redirect(scope) => {
            (chosen.scope, chosen.redirect) = (scope, true);
            return Level::Final;
        }
        Found::Prefix(scope) => {
            chosen.scope = scope;
            try_regexes = !matches!(model.scope(scope).kind, ScopeKind::Location(Matching::PrefixNoRegex));
            if let Level::Final = search(model, uri, chosen, depth + 1) {
                return Level::Final;
            }
        }
        Found::Nothing => {}
    }
    if !try_regexes {
        return Level::Open;
    }
    for id in &locations.regexes {
        let ScopeKind::Location(Matching::Regex(pattern)) = &model.scope(*id).kind else { continue };
        match pattern.matches(uri) {
            Some(false) => {}
            Some(true) => {
                chosen.scope = *id;
                chosen.patterns.push(Arc::clone(pattern));
                search(model, uri, chosen, depth + 1);
                // What is found inside of a regex counts as found, though it lacks a slash.
                chosen.redirect = false;
                return Level::Final;
            }
            None => chosen.doubtful = true,
        }
    }
    if let (Some(unknown), true) = (locations.unknown.first(), chosen.scope == around) {
        chosen.scope = *unknown;
        chosen.doubtful = true;
    }
    Level::Open
}
