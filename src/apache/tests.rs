//! What holds for any text at all.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::parse::parse;
use super::*;
use crate::http::{Answer, Request};
use crate::source::{FileId, MemoryFiles, Settings};
use crate::{survey, trace};

fn tree(text: &str) -> Tree {
    parse(&Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.as_bytes().to_vec()))).0
}

fn site(text: &str) -> Box<dyn Site> {
    let files = MemoryFiles::default().with("/c/httpd.conf", text).with("/c/www/.htaccess", text);
    let settings = Settings::default();
    let mut reader = Reader::new(&files, &settings);
    reader.allow(Path::new("/c"));
    let main = reader.load(Path::new("/c/httpd.conf")).expect("the file is there");
    Apache.read(&mut reader, &[main], &Task::new(&Apache, Some(Release(2, 4, 71)), Vec::new()))
}

#[test]
fn files_of_folders_that_tell_tls_apart_are_met_both_ways() {
    let schemes = |text: &str| -> BTreeSet<String> {
        let files = MemoryFiles::default().with("/c/.htaccess", text);
        let settings = Settings::default();
        let mut reader = Reader::new(&files, &settings);
        let main = reader.load(Path::new("/c/.htaccess")).expect("the file is there");
        let site = Apache.read(&mut reader, &[main], &Task::new(&Apache, None, Vec::new()));
        site.routes().into_iter().map(|route| route.request.scheme.to_string()).collect()
    };
    let both = ["http", "https"].map(str::to_owned).into();
    let redirect = "RewriteRule ^ https://a.test/ [R=301,L]\n";
    assert_eq!(schemes(&format!("RewriteEngine On\nRewriteCond %{{HTTPS}} off\n{redirect}")), both);
    assert_eq!(schemes("<If \"tolower(%{REQUEST_SCHEME}) != 'https'\">\nRequire all denied\n</If>"), both);
    let only_named = format!("# HTTPS\nRewriteEngine On\nRewriteCond %{{HTTP_HOST}} ^b\n{redirect}");
    assert_eq!(schemes(&only_named), ["http".to_owned()].into());
}

#[test]
fn values_that_httpd_refuses_are_told_and_their_neighbours_are_not() {
    let modules = "mpm_event alias authn_core authn_file auth_basic proxy proxy_balancer lbmethod_byrequests rewrite".split(" ");
    let modules: String = modules.map(|name| format!("LoadModule {name}_module modules/mod_{name}.so\n")).collect();
    let refused = |line: &str| site(&format!("{modules}{line}")).findings().iter().filter(|finding| finding.invalid).count();
    let users = |provider: &str| format!("<Location /a>\nAuthBasicProvider {provider}\n</Location>");
    for (wrong, right) in [
        ("LimitRequestBody -1", "LimitRequestBody 0"),
        ("LimitRequestFields -1", "LimitRequestFields x"),
        ("ServerName a.test:0", "ServerName a.test:80"),
        ("<VirtualHost *:99999>\n</VirtualHost>", "<VirtualHost *:8080>\n</VirtualHost>"),
        ("ProxySet balancer://a stickysession=b c=d", "ProxySet balancer://a stickysession=b"),
        ("ProxySet balancer://a lbmethod=bybusyness", "ProxySet balancer://a lbmethod=byrequests"),
        (&users("ldap"), &users("file")),
        (&users("a"), &format!("<AuthnProviderAlias file a>\n</AuthnProviderAlias>\n{}", users("a"))),
        ("<LocationMatch \"(a\">\n</LocationMatch>", "<Location \"(a\">\n</Location>"),
        ("<Files ~ \"(a\">\n</Files>", "<Files \"(a\">\n</Files>"),
        ("RewriteRule !(a -", "RewriteRule !(a) -"),
        ("RewriteCond %{HTTP_HOST} (a\nRewriteRule a -", "RewriteCond %{HTTP_HOST} >(a\nRewriteRule a -"),
        ("RedirectMatch 301 (a /b", "RedirectMatch 301 (a) /b"),
        ("RedirectMatch (a /b", "RedirectMatch (a) /b"),
    ] {
        assert_eq!((refused(wrong), refused(right)), (1, 0), "{wrong}");
    }
}

/// Words and comments stand in order and in bounds, and what lies between them says nothing: blanks, joints of lines, the
/// signs around a section's line, and the lines that close sections.
fn check_lossless(text: &str) {
    let tree = tree(text);
    let mut covered: Vec<(u32, u32)> = tree.words().iter().map(|word| (word.start, word.end)).collect();
    assert!(covered.is_sorted(), "{text:?}");
    covered.extend(tree.comments.iter().map(|range| (range.start, range.end)));
    covered.sort_unstable();
    let mut at = 0;
    for (start, end) in covered {
        assert!(at <= start && start <= end && end as usize <= text.len(), "{text:?}");
        // A line that closes a section may have joints as well.
        let gap = text[at as usize..start as usize].replace("\\\r\n", "").replace("\\\n", "");
        for line in gap.split('\n') {
            let rest = line.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '\x0b' | '\\' | '>'));
            assert!(rest.is_empty() || rest == "<" || rest.starts_with("</"), "{rest:?} in {text:?}");
        }
        at = end;
    }
}

#[test]
fn deep_nesting_takes_no_stack() {
    let text = "<Location /a>\n<IfModule x>\n<If \"true\">\n".repeat(30_000);
    assert_eq!(tree(&text).len(), 90_000);
    let site = site(&text);
    assert!(!site.findings().is_empty());
}

#[test]
fn a_path_stands_for_the_name_of_a_host() {
    let host = |name: &str, path: &str, port: u16| {
        format!("<VirtualHost *:80>\nServerName {name}\n{path}\nProxyPass / http://127.0.0.1:{port}/\n</VirtualHost>\n")
    };
    let site = site(&format!("{}{}", host("a.test", "", 1), host("b.test", "ServerPath /b", 2)));
    let taker = |target: &str, host: Option<&str>| {
        let host = host.map(str::to_owned);
        let version = if host.is_some() { "1.1" } else { "1.0" };
        let request = Request { target: target.to_owned(), host, version: version.into(), ..Request::default() };
        let traced = trace::one(site.as_ref(), &request, None);
        traced.outcomes[0].verdict.answer.clone()
    };
    let goes_to = |answer: Answer, port: u16| matches!(answer, Answer::Forward { to, .. } if to.ends_with(&format!(":{port}")));
    assert!(goes_to(taker("/b/x", None), 2) && goes_to(taker("/b", None), 2));
    assert!(goes_to(taker("/bx", None), 1) && goes_to(taker("/b/x", Some("a.test")), 1));
}

const LINES: &str = "(<Location /a>|</Location>|<Directory \"/c/www\">|</Directory>|<Limit GET>|<LimitExcept PUT>|</Limit>|</LimitExcept>|\
    <If \"%\\{REQUEST_METHOD\\} == 'PUT'\">|<Else>|</If>|</Else>|<VirtualHost \\*:80>|</VirtualHost>|<RequireAll>|</RequireAll>|\
    Require (all denied|method GET|not ip 1|valid-user|expr true)|AllowMethods GET|AllowOverride All|DocumentRoot /c/www|\
    RewriteEngine On|RewriteCond %\\{REQUEST_METHOD\\} !\\^GET \\[OR\\]|RewriteRule (\\^/(.\\*)|!x) (/\\$1|-|http://h/%1) \\[(P|F|L|C,S=2|N|R=405|PT|END)\\]|\
    ProxyPass / http://127.0.0.1:81/|Redirect 405 /a|Alias /b /c/www|Options \\+MultiViews|Script PUT /a|SetHandler x|UserDir /c/\\*/w|VirtualDocumentRoot /c/%-2\\.1|CheckSpelling On|\
    ErrorDocument 405 /a|Order deny,allow|Deny from all|Satisfy Any|<Macro M \\$a>|</Macro>|Use M /a|Define X /a|Location \\$\\{X\\}|\
    LoadModule rewrite_module x|Dav On|[ -~]{0,12}|# [a-z\\\\]{0,8}|\\\\)";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn words_and_comments_cover_every_line(text in "[a-c</>\"'#\\\\ \t\r\n@=]{0,120}") {
        check_lossless(&text);
    }

    #[test]
    fn no_text_makes_a_site_panic(lines in proptest::collection::vec(LINES, 0..24), target in "/[a-c./%0-9?]{0,8}") {
        let site = site(&lines.join("\n"));
        site.findings();
        for route in site.routes().iter().take(4) {
            survey::Survey::new(site.as_ref(), route);
        }
        trace::one(site.as_ref(), &Request { target, ..Request::default() }, None);
    }
}
