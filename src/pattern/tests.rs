use proptest::prelude::*;

use super::*;

fn matches(source: &str, text: &str) -> Option<bool> {
    Pattern::new(source, false).matches(text)
}

/// Each pattern with texts that it matches and texts that it does not, as PCRE2 10.42 says.
const IDIOMS: &[(&str, &[&str], &[&str])] = &[
    (r"^(GET|POST)$", &["GET", "POST"], &["GETX", "XGET", "get"]),
    (r"GET|POST", &["GET", "XPOSTX"], &["PUT"]),
    (r"^GET|POST$", &["GETX", "XPOST"], &["XGET", "POSTX"]),
    (r"\.(jpe?g|png)$", &["a.jpg", "a.jpeg", ".png"], &["a.jpgx", "ajpg"]),
    (r"\Qa.b\E$", &["a.b"], &["axb"]),
    (r"^/x\h+y", &["/x y", "/x\t y"], &["/xay", "/xfy"]),
    (r"[\h]y", &[" y"], &["ay"]),
    (r"a\Rb", &["a\nb", "a\r\nb"], &["ab"]),
    (r"^[a&&b]$", &["a", "&", "b"], &["c"]),
    (r"[[a]x", &["[x", "ax"], &["bx"]),
    (r"[]a]x", &["]x"], &["bx"]),
    (r"[^]a]x", &["bx"], &["]x"]),
    (r"^[\w-]+$", &["a-b"], &["a b"]),
    (r"^[[:alpha:]_]+$", &["a_"], &["1"]),
    (r"\<a\>", &["<a>"], &["a"]),
    (r"^a++b", &["aab"], &["b"]),
    (r"^(?>a+)b", &["aab"], &["b"]),
    (r"^/(?!api)\w+", &["/web"], &["/api"]),
    (r"(?<=x)y", &["xy"], &["y"]),
    (r"(?i)get", &["GeT"], &["put"]),
    (r"^(a(?i)b|c)d$", &["aBd", "Cd"], &["Abd", "abD"]),
    (r"(?x) ^ a b # comment", &["ab"], &["a b"]),
    (r"(?#note)ab", &["ab"], &["a"]),
    (r"^(a|b)\1$", &["aa", "bb"], &["ab"]),
    (r"^(?<n>a|b)\k{n}\g{-1}$", &["aaa"], &["aab"]),
    (r"^(?P<n>a|b)(?P=n)$", &["bb"], &["ab"]),
    (r"^(?'n'a)?(?(<n>)b|c)$", &["ab", "c"], &["ac", "b"]),
    (r"^\x41\x{42}\x43\cA$", &["ABC\u{1}"], &["ABCA"]),
    (r"(*UTF8)^a$", &["a"], &["e"]),
    (r"^..$", &["é", "ab"], &["a"]),
    (r"^\w$", &["a"], &["é"]),
    (r"a{2}", &["aa"], &["a"]),
    (r"a{x}", &["a{x}"], &["aa"]),
    (r"^\p{Lu}\pN$", &["A1"], &["a1"]),
    (r"^https?://", &["http://", "https://"], &["httpx://"]),
    (r"^/api/.*$", &["/api/", "/api/x"], &["/api", "x/api/"]),
    (r"(?:)", &[""], &[]),
    ("", &["", "x"], &[]),
];

#[test]
fn groups_with_a_number_are_counted() {
    for (source, groups) in [("^(.+)$", 1), (r"^(.+\.php)(/.*)$", 2), (r"(?:a)\((?<x>[(]b)", 1), ("[]()](a)(?<=b)(c)", 2)] {
        assert_eq!(Pattern::new(source, false).group_count(), Some(groups), "{source}");
    }
}

#[test]
fn idioms_match_as_in_pcre() {
    for &(source, yes, no) in IDIOMS {
        let pattern = Pattern::new(source, false);
        for text in yes {
            assert_eq!(pattern.matches(text).or(text.contains('\n').then_some(true)), Some(true), "{source} on {text:?}");
        }
        for text in no {
            assert_eq!(pattern.matches(text), Some(false), "{source} on {text:?}");
        }
    }
}

#[test]
fn what_is_not_read_cannot_be_told() {
    for source in ["(?|(a)|(b))", "(?R)?a", "(?1)(a)", "a(*SKIP)b", r"\X", r"\p{Greek}", "(?U)a+", "a{,3}", r"[\w-z]"] {
        assert_eq!(matches(source, "a"), None, "{source}");
        assert_eq!(Pattern::new(source, false).is_valid(), None, "{source}");
    }
    assert_eq!(matches("(*UTF8)^.$", "é"), None);
    assert_eq!(matches("^/admin$", "/admin\n"), None);
    assert_eq!(matches("^/admin", "/admin\n"), Some(true));
}

#[test]
fn what_pcre_refuses_is_invalid() {
    let refused = [
        "(",
        ")",
        "a)",
        "[a",
        "*a",
        "^*",
        "|*",
        "a**",
        "a{2}{3}",
        "a{3,2}",
        "a{65536}",
        "[z-a]",
        "[[:foo:]]",
        "[[.a.]]",
        "(?Z)a",
        "(a)\\2",
        r"\k<x>",
        r"\x{100}",
        r"a\",
        "(?<1a>b)",
        "(?i",
        "(*",
        r"\g{3}",
        "x{1}y|{1}",
        "(?P<n",
        r"\b+",
        "(?~a)",
    ];
    for source in refused {
        assert_eq!(Pattern::new(source, false).is_valid(), Some(false), "{source}");
    }
    for &(source, ..) in IDIOMS {
        assert_eq!(Pattern::new(source, false).is_valid(), Some(true), "{source}");
    }
}

#[test]
fn groups_are_those_of_the_first_match() {
    let groups = Pattern::new(r"^/(?<first>\w+)/(x)?(\d*)", false).groups("/a/12");
    let numbered = vec![Some("/a/12".to_owned()), Some("a".to_owned()), None, Some("12".to_owned())];
    assert_eq!(groups, Some(Some(Groups { numbered, named: vec![("first".to_owned(), "a".to_owned())] })));
    assert_eq!(Pattern::new("^b", false).groups("a"), Some(None));
    assert_eq!(Pattern::new("(?R)", false).groups("a"), None);
    assert_eq!(Pattern::new("(.)", false).groups("é"), None);
}

#[test]
fn hostile_patterns_end_soon() {
    let start = std::time::Instant::now();
    let nested = format!("{}a{}", "(".repeat(240), ")".repeat(240));
    let wide = (0..8_000).map(|index| format!("w{index}")).collect::<Vec<_>>().join("|");
    let text = "a".repeat(5_000);
    let hostile =
        ["(a{1000}){1000}", "((a+)+)+$", r"^(a+)+\1b$", "(?:(?:a?){50}){50}b", "(x+x+)+y", "(?=(a+))a*b\\1", &nested, &wide];
    for source in hostile {
        let pattern = Pattern::new(source, true);
        let _ = (pattern.matches(&text), pattern.groups(&text), pattern.example(), pattern.is_valid());
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn examples_are_short_and_match() {
    let examples = [
        r"^/api/v\d+/users/[^/]+$",
        r"\.php$",
        r"^/(?!api)\w+",
        r"^(?!(GET|POST)$)[A-Z]+$",
        "^/a{3}(b|c)?$",
        r"^[^a-z]+$",
        r"Mozilla/\d\.\d",
        r"^\s$",
    ]
    .map(|source| Pattern::new(source, false).example().unwrap_or_default());
    insta::assert_snapshot!(examples.join(" "), @"/api/v0/users/a .php /a A /aaa 0 Mozilla/0.0 ");
    assert_eq!(Pattern::new(r"\.php$", false).example_after("/").as_deref(), Some("/.php"));
    assert_eq!(Pattern::new(r"/.+\.php$", false).example_after("/").as_deref(), Some("/a.php"));
    assert_eq!(Pattern::new(r"[^/]\.php$", false).example_after("/").as_deref(), Some("/a.php"));
}

#[test]
fn alternatives_tell_how_they_are_anchored() {
    let all = |source| {
        let pattern = Pattern::new(source, false);
        let literals = pattern.alternatives()?.to_vec();
        Some(literals.into_iter().map(|literal| (literal.text, literal.at_start, literal.at_end)).collect::<Vec<_>>())
    };
    let (get, post) = ("GET".to_owned(), "POST".to_owned());
    assert_eq!(all("^(GET|POST)$"), Some(vec![(get.clone(), true, true), (post.clone(), true, true)]));
    assert_eq!(all("GET|POST"), Some(vec![(get.clone(), false, false), (post.clone(), false, false)]));
    assert_eq!(all("^GET|POST$"), Some(vec![(get, true, false), (post, false, true)]));
    assert_eq!(all(r"^\w+$"), None);
    let sides = |source| {
        let pattern = Pattern::new(source, false);
        (pattern.is_anchored_start(), pattern.is_anchored_end())
    };
    assert_eq!(sides("^(GET|POST)$"), (true, true));
    assert_eq!(sides("^GET|POST$"), (false, false));
    assert_eq!(sides(r"^\w+"), (true, false));
    assert_eq!(sides(r"(a|\d+)$"), (false, true));
}

#[test]
fn equal_patterns_are_shared() {
    let patterns = Patterns::default();
    let first = patterns.get("^a", false);
    assert!(Arc::ptr_eq(&first, &patterns.get("^a", false)));
    assert!(!Arc::ptr_eq(&first, &patterns.get("^a", true)));
}

/// Texts of the signs that mean something in patterns.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "b",
        "/",
        ".",
        "*",
        "+",
        "?",
        "(",
        ")",
        "(?:",
        "(?=",
        "(?!",
        "(?i)",
        "[",
        "]",
        "^",
        "$",
        "|",
        "\\",
        "\\d",
        "\\1",
        "{2}",
        "{",
        "}",
        ",",
        "-",
        "[^",
        "é",
        "\\Q",
        "\\E",
        "[:alpha:]",
        "GET",
        "(?<n>",
        "\\k<n>",
        " ",
        "#",
        "(?x)",
        "&&",
        "~~",
        "++",
    ]);
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_pattern_panics(source in any::<String>(), text in any::<String>()) {
        let pattern = Pattern::new(&source, false);
        let _ = (pattern.matches(&text), pattern.groups(&text), pattern.is_valid(), pattern.is_anchored_start());
    }

    #[test]
    fn examples_match_and_groups_agree(source in soup(), text in "[ab/GET.]{0,6}", ignore_case: bool) {
        let pattern = Pattern::new(&source, ignore_case);
        if let Some(example) = pattern.example() {
            prop_assert_eq!(pattern.matches(&example), Some(true));
            prop_assert!(example.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        if let (Some(matches), Some(groups)) = (pattern.matches(&text), pattern.groups(&text)) {
            prop_assert_eq!(matches, groups.is_some());
        }
    }

    /// The short cut says what the engine says.
    #[test]
    fn literals_agree_with_the_engine(source in soup(), text in "[abGET/.]{0,6}", ignore_case: bool) {
        let pattern = Pattern::new(&source, ignore_case);
        if let (Some(literals), Ok(engine)) = (pattern.literals(), pattern.engine()) {
            let short_cut = literals.iter().any(|literal| literal.is_in(&text, ignore_case));
            prop_assert_eq!(Some(short_cut), engine.is_match(&text), "{}", source);
        }
    }

    /// The automaton finds what the engine finds that goes back over its steps.
    #[test]
    fn regular_patterns_need_no_other_engine(source in soup(), text in "[abGET/.1]{0,8}", ignore_case: bool) {
        let Ok(translation) = pcre::translate(&source) else { return Ok(()) };
        let other = Engine::fancy(&translation.engine, ignore_case);
        if let (true, Ok(engine), Some(other)) = (translation.regular, Engine::new(&translation, ignore_case), other) {
            let found = other.captures(text.as_bytes()).unwrap();
            let places = found.map(|found| found.iter().map(|group| Some(group?.range())).collect());
            prop_assert_eq!(engine.groups(&text), Some(places), "{}", source);
            prop_assert_eq!(engine.is_match(&text), engine.groups(&text).map(|groups| groups.is_some()), "{}", source);
        }
    }
}
