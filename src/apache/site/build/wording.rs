//! Small questions about words of a config.

/// Whether a `Header` line sets what browsers look for before they send a request to another origin.
pub(super) fn is_cors_header(word: &str) -> bool {
    word.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("access-control-allow"))
}
