//! Names for findings that outlive edits elsewhere in the file.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::finding::Finding;
use crate::source::Sources;

/// How much of a directive's text tells it from others.
const MAX_TEXT: usize = 4096;

/// The fingerprint of each finding: a hash of its rule, its file's name, the text of its directive and, among findings that
/// are equal in all of these, its place in their order.
pub(super) fn all(findings: &[Finding], sources: &Sources) -> Vec<u64> {
    let hash = |finding: &Finding| {
        let file = sources.get(finding.span.file);
        let name = file.map_or("", |file| file.name.trim_start_matches("./"));
        let end = finding.span.end.min(finding.span.start.saturating_add(MAX_TEXT as u32));
        let text = file.map_or("", |file| file.slice(finding.span.start..end));
        let words = text.split_whitespace().flat_map(|word| [word.as_bytes(), b" "]);
        let parts = [finding.rule.as_bytes(), b"\0", name.as_bytes(), b"\0"];
        parts.into_iter().chain(words).fold(FNV_OFFSET, fnv)
    };
    let hashes: Vec<u64> = findings.par_iter().with_min_len(1000).map(hash).collect();
    let mut seen = HashMap::with_capacity(hashes.len());
    let told_apart = |hash| {
        let ordinal = seen.entry(hash).or_insert(0u32);
        *ordinal += 1;
        fnv(hash, &ordinal.to_be_bytes())
    };
    hashes.into_iter().map(told_apart).collect()
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, for a hash that is the same on all machines and in all releases.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn of(text: &str, places: &[(u32, u32)]) -> Vec<u64> {
        let mut sources = Sources::default();
        let file = sources.add("a.conf".into(), "a.conf".into(), text.into());
        let finding = |(start, end): &(u32, u32)| Finding::new("method-denied", Severity::Info, file.span(*start..*end), "x");
        all(&places.iter().map(finding).collect::<Vec<_>>(), &sources)
    }

    #[test]
    fn lines_above_and_blanks_inside_do_not_count() {
        assert_eq!(of("deny  all;", &[(0, 10)]), of("\n\n deny all;", &[(3, 12)]));
        assert_ne!(of("deny all;", &[(0, 9)]), of("deny one;", &[(0, 9)]));
    }

    #[test]
    fn equal_directives_are_told_apart_by_their_order() {
        let both = of("deny all; deny all;", &[(0, 9), (10, 19)]);
        assert_ne!(both[0], both[1]);
        assert_eq!(both[0], of("deny all;", &[(0, 9)])[0]);
    }
}
