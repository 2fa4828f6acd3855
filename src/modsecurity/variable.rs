//! The variables that a rule looks at: `REQUEST_METHOD`, `REQUEST_HEADERS:Host`, `&ARGS`, `!REQUEST_COOKIES:/^x/`.

use std::sync::Arc;

use crate::pattern::Pattern;

/// A variable as far as phases 1 and 2 of a plain request know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Method,
    Line,
    Protocol,
    Uri,
    UriRaw,
    Filename,
    Basename,
    Query,
    Headers,
    HeaderNames,
    /// Arguments of the query, of the body, or of both.
    Arguments {
        query: bool,
        body: bool,
    },
    ArgumentNames {
        query: bool,
        body: bool,
    },
    ArgumentsSize,
    Cookies,
    CookieNames,
    Body,
    BodyLength,
    BodyProcessor,
    Client,
    ServerName,
    ServerPort,
    ServerAddress,
    /// A collection that rules store values in, by its name in lower case.
    Stored(&'static str),
    MatchedValue,
    MatchedName,
    MatchedValues,
    MatchedNames,
    /// A flag of the parsers for bodies, which have nothing to complain about.
    Zero,
    Empty,
    /// What a request without files, credentials and response does not have.
    Absent,
    /// What only the running server knows, such as the time.
    Opaque,
}

/// Which members of a collection are meant.
#[derive(Clone, Debug)]
pub(super) enum Selector {
    All,
    Named(Box<str>),
    Matching(Arc<Pattern>),
}

#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) variable: Variable,
    pub(super) selector: Selector,
    /// The name of a stored variable in memory, such as `tx.score`.
    pub(super) key: Option<Box<str>>,
    /// Whether the number of members is looked at instead of the members.
    pub(super) count: bool,
}

/// What a `SecRule` looks at, and what it leaves out of that.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    pub(super) included: Vec<Target>,
    pub(super) excluded: Vec<Target>,
}

impl Target {
    /// The variable of a macro: a dot or a colon parts the collection from the member's name.
    pub(super) fn of_macro(name: &str) -> Option<Target> {
        let (name, member) = match name.split_once(['.', ':']) {
            Some((name, member)) => (name, Selector::Named(member.into())),
            None => (name, Selector::All),
        };
        Some(Target::new(Variable::named(name)?, member, false))
    }

    fn new(variable: Variable, selector: Selector, count: bool) -> Target {
        let key = match (variable, &selector) {
            (Variable::Stored(collection), Selector::Named(name)) => {
                Some(format!("{collection}.{name}").to_ascii_lowercase().into())
            }
            _ => None,
        };
        Target { variable, selector, key, count }
    }

    /// Whether a member of this name belongs to the target; `None` where that cannot be told.
    pub(super) fn selects(&self, member: &str) -> Option<bool> {
        match &self.selector {
            Selector::All => Some(true),
            Selector::Named(name) => Some(name.eq_ignore_ascii_case(member)),
            Selector::Matching(pattern) => pattern.matches(member),
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match &self.selector {
            Selector::Named(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn depends_on_method(&self) -> bool {
        !self.count && matches!(self.variable, Variable::Method | Variable::Line)
    }
}

impl Targets {
    /// Reads the first argument of `SecRule`; gives the name that is no variable as an error.
    pub(super) fn parse(text: &str) -> Result<Targets, String> {
        let mut targets = Targets::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let sign = rest.chars().next().filter(|sign| matches!(sign, '!' | '&'));
            rest = rest[usize::from(sign.is_some())..].trim_start();
            let end = rest.find(|c: char| matches!(c, '|' | ':' | ',') || c.is_whitespace()).unwrap_or(rest.len());
            let variable = Variable::named(&rest[..end]).ok_or_else(|| rest[..end].to_owned())?;
            rest = &rest[end..];
            let mut selector = Selector::All;
            if let Some(after) = rest.strip_prefix(':') {
                let (name, behind) = member(after);
                selector = name;
                rest = behind;
            }
            let target = Target::new(variable, selector, sign == Some('&'));
            if sign == Some('!') { &mut targets.excluded } else { &mut targets.included }.push(target);
            rest = rest.trim_start_matches(|c: char| matches!(c, '|' | ',') || c.is_whitespace());
        }
        Ok(targets)
    }
}

/// The member's name behind a colon, which may be quoted and may be a regex between slashes.
fn member(text: &str) -> (Selector, &str) {
    let (name, rest) = match text.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'').unwrap_or((quoted, "")),
        None => text.split_at(text.find(|c: char| matches!(c, '|' | ',') || c.is_whitespace()).unwrap_or(text.len())),
    };
    let regex = name.strip_prefix('/').and_then(|name| name.strip_suffix('/'));
    let selector = match regex {
        Some(regex) => Selector::Matching(Arc::new(Pattern::new(regex, true))),
        None if name.is_empty() => Selector::All,
        None => Selector::Named(name.into()),
    };
    (selector, rest)
}

impl Variable {
    pub(super) fn is_matched(self) -> bool {
        matches!(self, Variable::MatchedValue | Variable::MatchedValues)
    }

    /// The variable of a name in any case; see "Variables" in the Reference Manual.
    pub(super) fn named(name: &str) -> Option<Variable> {
        use Variable::*;
        let upper = name.to_ascii_uppercase();
        Some(match upper.as_str() {
            "REQUEST_METHOD" => Method,
            "REQUEST_LINE" => Line,
            "REQUEST_PROTOCOL" => Protocol,
            "REQUEST_URI" => Uri,
            "REQUEST_URI_RAW" => UriRaw,
            "REQUEST_FILENAME" => Filename,
            "REQUEST_BASENAME" => Basename,
            "QUERY_STRING" => Query,
            "REQUEST_HEADERS" => Headers,
            "REQUEST_HEADERS_NAMES" => HeaderNames,
            "ARGS" => Arguments { query: true, body: true },
            "ARGS_GET" => Arguments { query: true, body: false },
            "ARGS_POST" => Arguments { query: false, body: true },
            "ARGS_NAMES" => ArgumentNames { query: true, body: true },
            "ARGS_GET_NAMES" => ArgumentNames { query: true, body: false },
            "ARGS_POST_NAMES" => ArgumentNames { query: false, body: true },
            "ARGS_COMBINED_SIZE" => ArgumentsSize,
            "REQUEST_COOKIES" => Cookies,
            "REQUEST_COOKIES_NAMES" => CookieNames,
            "REQUEST_BODY" => Body,
            "REQUEST_BODY_LENGTH" => BodyLength,
            "REQBODY_PROCESSOR" => BodyProcessor,
            "REMOTE_ADDR" | "USERAGENT_IP" => Client,
            "SERVER_NAME" => ServerName,
            "SERVER_PORT" => ServerPort,
            "SERVER_ADDR" => ServerAddress,
            "TX" => Stored("tx"),
            "IP" => Stored("ip"),
            "GLOBAL" => Stored("global"),
            "SESSION" => Stored("session"),
            "USER" => Stored("user"),
            "RESOURCE" => Stored("resource"),
            "MATCHED_VAR" => MatchedValue,
            "MATCHED_VAR_NAME" => MatchedName,
            "MATCHED_VARS" => MatchedValues,
            "MATCHED_VARS_NAMES" => MatchedNames,
            "REQBODY_ERROR"
            | "REQBODY_PROCESSOR_ERROR"
            | "URLENCODED_ERROR"
            | "INBOUND_DATA_ERROR"
            | "OUTBOUND_DATA_ERROR"
            | "FILES_COMBINED_SIZE"
            | "SDBM_DELETE_ERROR"
            | "MSC_PCRE_ERROR"
            | "MSC_PCRE_LIMITS_EXCEEDED" => Zero,
            "MULTIPART_FILENAME" | "MULTIPART_NAME" | "MULTIPART_PART_HEADERS" => Absent,
            _ if upper.starts_with("MULTIPART_") => Zero,
            "REQBODY_ERROR_MSG" | "REQBODY_PROCESSOR_ERROR_MSG" | "WEBAPPID" | "SESSIONID" | "USERID" => Empty,
            "AUTH_TYPE"
            | "REMOTE_USER"
            | "PATH_INFO"
            | "GEO"
            | "XML"
            | "JSON"
            | "STATUS_LINE"
            | "STATUS"
            | "WEBSERVER_ERROR_LOG"
            | "STREAM_INPUT_BODY"
            | "STREAM_OUTPUT_BODY"
            | "RULE" => Absent,
            _ if upper.starts_with("FILES") || upper.starts_with("RESPONSE_") => Absent,
            "ENV"
            | "DURATION"
            | "UNIQUE_ID"
            | "HIGHEST_SEVERITY"
            | "MODSEC_BUILD"
            | "FULL_REQUEST"
            | "FULL_REQUEST_LENGTH"
            | "REMOTE_HOST"
            | "REMOTE_PORT"
            | "TIME" => Opaque,
            _ if ["TIME_", "PERF_", "SCRIPT_"].iter().any(|prefix| upper.starts_with(prefix)) => Opaque,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_members_counts_and_exceptions() {
        let targets = Targets::parse("REQUEST_HEADERS|!REQUEST_HEADERS:Referer|&ARGS:/^ab/|TX:'/^x|y/'").unwrap();
        assert_eq!((targets.included.len(), targets.excluded.len()), (3, 1));
        assert_eq!(targets.excluded[0].selects("referer"), Some(true));
        assert!(targets.included[1].count);
        assert_eq!(targets.included[2].selects("ay"), Some(true));
        assert_eq!(Targets::parse("METHOD").unwrap_err(), "METHOD");
    }
}
