//! Properties of the parser, and what no text may do to a site.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::environment::Environment;
use super::parse::{self, Reading};
use super::*;
use crate::http::Request;
use crate::server::SERVERS;
use crate::source::{FileId, MemoryFiles, Settings};
use crate::trace;

fn tree(text: &str) -> Tree {
    let source = Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.as_bytes().to_vec()));
    let mut reading = Reading { environment: Environment::default(), release: Release(2, 6, 12), unset: Vec::new() };
    parse::parse(&source, &mut reading).0
}

/// Words, comments and blanks make up the whole file; words stand in order.
fn check_lossless(text: &str) {
    let tree = tree(text);
    let mut covered: Vec<(u32, u32)> = tree.words().iter().map(|word| (word.start, word.end)).collect();
    assert!(covered.is_sorted(), "{text:?}");
    covered.extend(tree.comments.iter().map(|range| (range.start, range.end)));
    covered.sort_unstable();
    let mut at = 0;
    for (start, end) in covered {
        assert!(start <= end && end as usize <= text.len());
        if start > at {
            let gap = &text.as_bytes()[at as usize..start as usize];
            assert!(gap.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0x0b), "{gap:?} in {text:?}");
        }
        at = at.max(end);
    }
}

fn site(text: &str) -> Box<dyn Site> {
    let files = MemoryFiles::default().with("/c/haproxy.cfg", text);
    let settings = Settings::default();
    let mut reader = Reader::new(&files, &settings);
    let main = reader.load(Path::new("/c/haproxy.cfg")).expect("the file is there");
    Haproxy.read(&mut reader, &[main], &Task::new(&Haproxy, Some(Release(2, 6, 12)), Vec::new()))
}

#[test]
fn the_wing_is_registered() {
    assert!(SERVERS.iter().any(|server| server.name() == "haproxy"));
}

#[test]
fn a_line_with_quotes_and_comments_is_lossless() {
    check_lossless("frontend f # c\n  acl a path \"/x y\"'z' # d\n\n\tbind :80\r\nbackend b\n");
    check_lossless(".if 0\n  a b # c\n.else\nfrontend f\n.endif\n[scope]\n");
}

#[test]
fn long_and_deep_texts_end() {
    site(&format!("frontend f\n http-request deny if {}\n", "!".repeat(100_000)));
    site(&format!("frontend f\n acl a path {}\n", "x".repeat(1_000_000)));
    site(&".if 1\n".repeat(10_000));
    site(&format!(".if {}1\n", "(".repeat(50_000)));
    site(&format!("frontend f\n http-request set-path %[path{}]\n", ",lower".repeat(20_000)));
}

#[test]
fn tcp_rules_that_do_not_wait_may_come_before_the_request() {
    let text = |delay: &str| {
        let rules = format!("{delay} tcp-request content reject if METH_POST\n default_backend b\n");
        format!("frontend f\n mode tcp\n bind 127.0.0.1:80\n{rules}backend b\n mode tcp\n server s 127.0.0.1:1\n")
    };
    let request = Request { method: "POST".into(), address: "127.0.0.1".into(), port: 80, ..Request::default() };
    let passes = |text: &str| -> Vec<bool> {
        let traced = trace::one(site(text).as_ref(), &request, None);
        traced.outcomes.iter().map(|outcome| outcome.verdict.answer.passes()).collect()
    };
    assert_eq!(passes(&text("")), [true, false]);
    assert_eq!(passes(&text(" tcp-request inspect-delay 5s\n")), [false]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn words_and_comments_cover_every_line(lines in proptest::collection::vec("[ \ta-z#'\\\\-]{0,24}", 0..12)) {
        let text: String = lines.iter().filter(|line| line.matches('\'').count() % 2 == 0).map(|line| format!("{line}\n")).collect();
        // A line that is refused has no words past the place that is at fault.
        if !text.contains('\\') && !text.contains('\'') {
            check_lossless(&text);
        }
    }

    #[test]
    fn no_text_makes_a_site_panic(text in "(frontend f|backend b|defaults|listen l|acl a|http-request deny if|use_backend|server|[ -~\n]{1,8}| |\n){0,40}") {
        let site = site(&text);
        site.findings();
        site.routes();
    }
}
