//! Every format on the same findings.

use std::path::Path;

use super::human::Terminal;
use super::*;
use crate::finding::{Confidence, Edit, Safety, Witness};
use crate::http::{Answer, Request, Universe, UpstreamMethod};
use crate::lint::Report;
use crate::source::{Sources, Span};

const MAIN: &str = "http {\r\n\tproxy_method POST; # ä \u{1b}[31m\r\n    server {\r\n        location / {\r\n            limit_except GET POST { deny all; }\r\n        }\r\n    }\r\n}";
const MAP: &str = "map $request_method $bad {\n    default 1;\n    GET 0;\n}\n";

fn at(sources: &Sources, text: &str) -> Span {
    let file = sources.iter().find(|file| file.text().contains(text)).unwrap();
    let start = file.text().find(text).unwrap() as u32;
    file.span(start..start + text.len() as u32)
}

fn linted() -> Linted {
    let universe = Universe::default();
    let mut sources = Sources::default();
    sources.add("./conf/nginx.conf".into(), "conf/nginx.conf".into(), MAIN.into());
    sources.add("/work place/conf/map.conf".into(), "/work place/conf/map.conf".into(), MAP.into());
    sources.add("conf/clean.conf".into(), "conf/clean.conf".into(), Vec::new());
    let forwarded = Answer::Forward {
        to: "http://127.0.0.1:3000".into(),
        method: UpstreamMethod::Replaced("POST".into()),
        target: Some("/".into()),
        status: None,
    };
    let request =
        |method: &str| Request { method: method.to_owned().into(), port: 8080, target: "/a?b=1&c".into(), ..Request::default() };
    let mut replaced = Finding::new(
        "method-override",
        Severity::Error,
        at(&sources, "proxy_method POST;"),
        "`proxy_method` sends every request upstream as POST",
    )
    .label("replaced here")
    .help("remove the directive so that the client's method is kept")
    .methods(universe.set(["PATCH", "DELETE"]))
    .fix(Safety::Unsafe, vec![Edit { span: at(&sources, "proxy_method POST;"), text: String::new() }]);
    replaced.witness = Some(Box::new(Witness { request: request("PATCH"), predicted: forwarded, when: Vec::new() }));
    let mut denied = Finding::new(
        "method-denied",
        Severity::Warning,
        at(&sources, "limit_except GET POST"),
        "PATCH is refused: <\"&'> | 100%, a:b",
    )
    .confidence(Confidence::Medium)
    .related(at(&sources, "location /"), "the location that takes it")
    .related(at(&sources, "default 1;"), "the map's entry");
    let predicted = Answer::Respond { status: 403, headers: vec![("allow", "GET".into())] };
    denied.witness = Some(Box::new(Witness { request: request("HEAD"), predicted, when: vec!["the file /x exists".into()] }));
    let end = MAIN.len() as u32;
    let file = sources.get(crate::source::FileId(0)).unwrap();
    let missing = Finding::rejected(file.span(end..end), "unexpected end of file");
    let nowhere = Finding::new("include-missing", Severity::Info, at(&sources, "default 1;"), "no such file: b.conf");
    let findings = [replaced, denied, missing, nowhere];
    let reports = (1..).zip(findings).map(|(fingerprint, finding)| Report { finding, fingerprint }).collect();
    Linted { server: "nginx", files: 3, sources, homes: Vec::new(), universe, reports, site: None }
}

fn written(format: Format, terminal: Terminal) -> String {
    let mut configs = [linted()];
    let summary = Summary::of(&configs);
    configs[0].reports.retain(|report| report.finding.severity > Severity::Info);
    let run = Run { configs: &configs, summary, here: Path::new("/work place"), base: Path::new("/work place") };
    let mut out = Vec::new();
    write(format, &run, terminal, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The rules' manuals change more often than the format.
fn without_manuals(text: &str) -> String {
    let mut log: serde_json::Value = serde_json::from_str(text).unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
    assert_eq!(rules.len(), crate::rules::RULES.len());
    assert!(rules[0]["help"]["markdown"].as_str().unwrap().len() > 100);
    rules.clear();
    serde_json::to_string_pretty(&log).unwrap()
}

#[test]
fn every_format_has_its_shape() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for format in Format::value_variants() {
            let mut text = written(*format, Terminal::PLAIN).replace(env!("CARGO_PKG_VERSION"), "[version]");
            if *format == Format::Sarif {
                text = without_manuals(&text);
            }
            let name = format.to_possible_value().unwrap().get_name().to_owned();
            insta::assert_snapshot!(name, text);
        }
        let colored = Terminal { width: 60, colored: true, links: true };
        insta::assert_snapshot!("human-colored", written(Format::Human, colored));
    });
}

#[test]
fn a_report_of_very_many_findings_is_linear() {
    let mut config = linted();
    let span = at(&config.sources, "deny all;");
    let finding = Finding::new("method-denied", Severity::Warning, span, "PATCH is refused");
    config.reports = (0..50_000).map(|fingerprint| Report { finding: finding.clone(), fingerprint }).collect();
    let configs = [config];
    let run = Run { configs: &configs, summary: Summary::of(&configs), here: Path::new("/"), base: Path::new("/") };
    for (format, least) in [(Format::Concise, 50_000), (Format::Json, 1), (Format::Human, 300_000)] {
        let mut out = Vec::new();
        write(format, &run, Terminal::PLAIN, &mut out).unwrap();
        assert!(out.split(|byte| *byte == b'\n').count() > least);
    }
}
