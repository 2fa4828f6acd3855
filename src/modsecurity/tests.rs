use std::path::Path;

use super::*;
use crate::ask::{Ask, Explorer};
use crate::http::{Answer, Request, Universe, Verdict};
use crate::source::{MemoryFiles, Reader, Settings};

fn context(edition: Edition, text: &str) -> (Context, Vec<String>) {
    let files = MemoryFiles::default().with("/c/words.data", "# words\nevil\n");
    let settings = Settings::default();
    let mut reader = Reader::new(&files, &settings);
    reader.allow(Path::new("/c"));
    let file = reader.add("rules.conf", Path::new("/c/rules.conf"), text.into());
    let mut context = Context::new(edition);
    let mut refused = Vec::new();
    for statement in statements(file.text(), file.span(0..file.len())) {
        refused.extend(context.add(&statement, Path::new("/c"), &reader).map(|finding| finding.message));
    }
    (context, refused)
}

fn passed() -> Verdict {
    Verdict { answer: Answer::respond(200), steps: Vec::new(), decided_by: None }
}

fn both_phases(policy: &Policy, ask: &mut Ask<'_>) -> Verdict {
    let mut transaction = Transaction::default();
    for phase in [Phase::RequestHeaders, Phase::RequestBody] {
        if let Some(Intervention { answer, steps, decided_by }) = policy.decide(phase, &mut transaction, ask) {
            return Verdict { answer, steps, decided_by: Some(decided_by) };
        }
    }
    passed()
}

/// The status of each standard method, 0 for a closed connection; the number of runs that it took.
fn statuses(rules: &str, request: &Request) -> (Vec<u16>, usize) {
    let (context, refused) = context(Edition::Module, &format!("SecRuleEngine On\n{rules}"));
    assert_eq!(refused, Vec::<String>::new());
    let policy = Policy::new(&context);
    let universe = Universe::new(context.methods());
    let explorer = Explorer { universe: &universe, candidates: None, disk: None, runs: 100 };
    let found = explorer.of(request, universe.all(), |ask| both_phases(&policy, ask));
    assert!(found.exhaustive);
    let of = |method: &str| {
        let branch = found.branches.iter().find(|branch| branch.methods.meets(universe.only(method))).unwrap();
        branch.verdict.answer.status().unwrap_or(0)
    };
    (["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map(of).to_vec(), found.branches.len())
}

fn plain(rules: &str) -> Vec<u16> {
    statuses(rules, &Request { target: "/api/x".into(), ..Request::default() }).0
}

#[test]
fn rules_on_the_method_answer() {
    assert_eq!(
        plain("SecRule REQUEST_METHOD \"!@within GET HEAD POST\" \"id:1,phase:1,deny,status:405\""),
        [200, 200, 200, 405, 405, 405, 405]
    );
    assert_eq!(plain("SecRule REQUEST_METHOD \"^(?:put|delete)$\" \"id:1,t:lowercase,drop\""), [200, 200, 200, 0, 200, 0, 200]);
    assert_eq!(plain("SecRule REQUEST_LINE \"@beginsWith PATCH /api\" \"id:1,redirect:'/no',status:307\"")[4], 307);
}

#[test]
fn a_chain_matches_as_a_whole() {
    let rules = |path: &str| {
        format!(
            "SecRule REQUEST_METHOD \"@pm PUT PATCH\" \"id:1,phase:1,deny,chain\"\nSecRule REQUEST_URI \"@beginsWith {path}\" \"t:none\""
        )
    };
    assert_eq!(plain(&rules("/api")), [200, 200, 200, 403, 403, 200, 200]);
    assert_eq!(plain(&rules("/app")), [200; 7]);
}

#[test]
fn scores_add_up_and_block() {
    let rules = |threshold: u8| {
        format!(
            "SecAction \"id:1,phase:1,pass,setvar:'tx.allowed=GET POST',setvar:tx.points=5,setvar:tx.limit={threshold}\"\n\
             SecRule REQUEST_METHOD \"!@within %{{tx.allowed}}\" \"id:2,block,setvar:'tx.score=+%{{tx.points}}'\"\n\
             SecRule REQUEST_METHOD \"@streq DELETE\" \"id:3,pass,setvar:tx.score=+3\"\n\
             SecRule TX:SCORE \"@ge %{{tx.limit}}\" \"id:4,deny\""
        )
    };
    assert_eq!(plain(&rules(5)), [200, 403, 200, 403, 403, 403, 403]);
    assert_eq!(plain(&rules(6)), [200, 200, 200, 200, 200, 403, 200]);
    let (_, runs) = statuses(&rules(6), &Request::default());
    assert_eq!(runs, 2, "only the outcome splits the run, not each rule");
}

#[test]
fn skips_and_allows() {
    let deny = "SecRule REQUEST_METHOD \"@streq PUT\" \"id:9,phase:2,deny\"";
    let put = |rules: &str| plain(&format!("{rules}\n{deny}\nSecMarker END"))[3];
    assert_eq!(put(""), 403);
    assert_eq!(put("SecAction \"id:1,phase:2,pass,skipAfter:END\""), 200);
    assert_eq!(put("SecAction \"id:1,phase:1,pass,skipAfter:END\""), 403);
    assert_eq!(put("SecAction \"id:1,phase:2,pass,skip:1\""), 200);
    assert_eq!(put("SecRule REQUEST_URI \"^/api/\" \"id:1,phase:1,allow\""), 200);
    assert_eq!(put("SecRule REQUEST_URI \"^/api/\" \"id:1,phase:1,allow:phase\""), 403);
    assert_eq!(put("SecAction \"id:1,phase:1,pass,ctl:ruleEngine=Off\""), 200);
    assert_eq!(put("SecAction \"id:1,phase:1,pass,ctl:ruleRemoveById=5-9\""), 200);
    assert_eq!(put("SecAction \"id:1,phase:1,pass,ctl:ruleRemoveTargetById=9;REQUEST_METHOD\""), 200);
}

#[test]
fn texts_with_the_method_are_kept_apart() {
    let rules = "SecRule REQUEST_METHOD \"@rx ^P(.*)$\" \"id:1,phase:1,pass,capture,setvar:'tx.m=x-%{tx.1}'\"\n\
                 SecRule TX:M \"@streq x-UT\" \"id:2,deny\"";
    assert_eq!(plain(rules), [200, 200, 200, 403, 200, 200, 200]);
    let rules = "SecRule REQUEST_METHOD \".\" \"id:1,phase:1,deny,chain\"\nSecRule MATCHED_VAR \"@streq PATCH\" \"t:none\"";
    assert_eq!(plain(rules), [200, 200, 200, 200, 403, 200, 200]);
}

#[test]
fn what_a_plain_request_lacks_matches_nothing() {
    let rules = "SecRule ARGS|REQUEST_COOKIES|FILES|REQUEST_BODY \"!@rx ^nothing$\" \"id:1,deny\"\n\
                 SecRule &ARGS:x \"@eq 1\" \"id:2,deny,status:400\"\n\
                 SecRule REQUEST_HEADERS:Content-Length \"@gt 1\" \"id:3,phase:1,deny,status:413\"";
    assert_eq!(plain(rules), [200; 7]);
    let with = |request: Request| statuses(rules, &request).0[0];
    assert_eq!(with(Request { target: "/?x=1".into(), ..Request::default() }), 403);
    assert_eq!(with(Request { body: "xyz".repeat(9), ..Request::default() }), 413);
}

#[test]
fn what_is_not_known_is_asked() {
    let (context, _) =
        context(Edition::Module, "SecRuleEngine On\nSecRule REMOTE_ADDR \"@rbl sbl.example.org\" \"id:1,phase:1,deny\"");
    let policy = Policy::new(&context);
    let universe = Universe::default();
    let explorer = Explorer { universe: &universe, candidates: None, disk: None, runs: 100 };
    let found = explorer.of(&Request::default(), universe.all(), |ask| both_phases(&policy, ask));
    let outcomes: Vec<_> = found.branches.iter().map(|branch| (branch.verdict.answer.status(), branch.when().len())).collect();
    assert_eq!(outcomes, [(Some(200), 1), (Some(403), 1)]);
    assert!(!found.exhaustive);
}

#[test]
fn sections_inherit() {
    let outer = context(Edition::Module, "SecRuleEngine On\nSecRule REQUEST_METHOD PUT \"id:1,deny\"\nSecAction \"id:2,pass\"").0;
    let removes = context(Edition::Module, "SecRuleRemoveById 1").0;
    let fresh = context(Edition::Module, "SecRuleInheritance Off\nSecAction \"id:3,deny\"").0;
    assert!(Policy::new(&outer).can_intervene());
    assert!(!Policy::new(&removes.within(&outer)).can_intervene());
    assert_eq!(fresh.within(&outer).rules().count(), 1);
    let off = context(Edition::Module, "SecRuleEngine DetectionOnly").0;
    assert!(!Policy::new(&off.within(&outer)).can_intervene());
    let library = context(Edition::Library, "SecAction \"id:1,pass\"\nSecRuleRemoveById 2\nSecAction \"id:2,deny\"").0;
    assert!(!library.effective().any(|item| matches!(item, context::Item::Rule(rule) if rule.actions.id == Some(2))));
}

#[test]
fn a_section_sees_what_the_server_stored() {
    let server =
        context(Edition::Module, "SecRuleEngine On\nSecRule REQUEST_METHOD PUT \"id:1,phase:1,pass,setvar:tx.write=1\"").0;
    let section = context(Edition::Module, "SecRule TX:write \"@eq 1\" \"id:2,phase:2,deny\"").0.within(&server);
    let policies = [(Phase::RequestHeaders, Policy::new(&server)), (Phase::RequestBody, Policy::new(&section))];
    let universe = Universe::default();
    let explorer = Explorer { universe: &universe, candidates: None, disk: None, runs: 100 };
    let found = explorer.of(&Request::default(), universe.all(), |ask| {
        let mut transaction = Transaction::default();
        let answers = policies.iter().find_map(|(phase, policy)| policy.decide(*phase, &mut transaction, ask));
        answers.map_or(passed(), |intervention| Verdict { answer: intervention.answer, ..passed() })
    });
    let denied = found.branches.iter().find(|branch| !branch.verdict.answer.passes()).map(|branch| branch.methods);
    assert_eq!(denied, Some(universe.only("PUT")));
}

#[test]
fn mistakes_are_refused() {
    for (rule, message) in [
        ("SecRule REQUEST_METHOD PUT \"deny\"", "needs an `id`"),
        ("SecRule REQUEST_METHOD PUT \"id:1,deny\"\nSecAction \"id:1,pass\"", "another rule has the id 1"),
        ("SecRule METHOD PUT \"id:1,deny\"", "no variable `METHOD`"),
        ("SecRule REQUEST_METHOD \"@is PUT\" \"id:1,deny\"", "no operator `@is`"),
        ("SecRuleEngine Yes", "`On`, `Off` or `DetectionOnly`"),
        ("SecRule ARGS x \"id:1,deny,chain\"\nSecRule ARGS y \"id:2\"", "a chained rule"),
        ("SecDefaultAction \"phase:2,log\"", "needs a disruptive action"),
    ] {
        let refused = context(Edition::Module, rule).1;
        assert!(refused.iter().any(|refusal| refusal.contains(message)), "{rule}: {refused:?}");
    }
}

#[test]
fn allow_lists_that_lack_methods_are_told() {
    let told = |rules: &str| {
        let context = context(Edition::Module, &format!("SecRuleEngine On\n{rules}")).0;
        method_policies(&context, &context).into_iter().map(|finding| finding.message).collect::<Vec<_>>()
    };
    assert_eq!(
        told("SecAction \"id:900200,phase:1,pass,setvar:'tx.allowed_methods=GET POST PUT DELETE'\""),
        ["the allow-list `tx.allowed_methods` turns away `PATCH`"]
    );
    assert_eq!(told("SecRule REQUEST_METHOD \"!@within GET HEAD\" \"id:5,deny\"").len(), 1);
    assert!(told("SecRule REQUEST_METHOD \"!@within GET PUT PATCH DELETE\" \"id:5,deny\"").is_empty());
    assert!(told("SecRule REQUEST_METHOD \"!@within GET\" \"id:5,pass\"").is_empty());
}

#[test]
fn rules_on_the_method_name_paths() {
    let (context, _) = context(
        Edition::Module,
        r#"
SecRule REQUEST_METHOD "!@within GET HEAD" "id:1,phase:1,deny,chain"
SecRule REQUEST_URI "@beginsWith /api"
SecRule REQUEST_METHOD "@streq PUT" "id:2,phase:1,deny,chain"
SecRule REQUEST_FILENAME "!@rx ^/files/"
SecRule REQUEST_URI "@streq /other" "id:3,phase:1,deny"
"#,
    );
    let paths: Vec<String> = context.paths().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/api", "/files/"]);
}
