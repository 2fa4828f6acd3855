//! Small pieces of text that several formats share.

use crate::finding::{Finding, Witness};
use crate::http::{Answer, Request, UpstreamMethod};
use crate::source::{Sources, Span};

/// Text of a config or request on one line, without the escape sequences that a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The text with line ends where it would leave the terminal; `indent` columns are taken.
pub(super) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut lines = String::with_capacity(text.len() + 8);
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > room {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// `file:line:column`.
pub(super) fn spot(sources: &Sources, span: Span) -> String {
    let Some(file) = sources.get(span.file) else { return String::new() };
    let at = file.position(span.start);
    format!("{}:{}:{}", printable(file.name.trim_start_matches("./")), at.line, at.column)
}

/// The request as a URL; the listener is told where it is not what the Host header says.
pub(super) fn route(request: &Request) -> String {
    let Request { scheme, host, address, port, target, .. } = request;
    let usual = if scheme == "https" { 443 } else { 80 };
    let listener = if *port == usual { String::new() } else { format!(":{port}") };
    match host {
        Some(host) if host.ends_with(&format!(":{port}")) => format!("{scheme}://{host}{target}"),
        Some(host) if host.contains(':') => format!("{scheme}://{host}{target} (to {address}:{port})"),
        Some(host) => format!("{scheme}://{host}{listener}{target}"),
        None => format!("{scheme}://{address}{listener}{target} (without Host)"),
    }
}

/// What becomes of a request, in a few words.
pub(super) fn sentence(answer: &Answer, client: &str) -> String {
    match answer {
        Answer::Respond { status, headers } => {
            let headers: String = headers.iter().map(|(name, value)| format!(", {name}: {value}")).collect();
            let reason = reason(*status);
            let space = if reason.is_empty() { "" } else { " " };
            format!("{status}{space}{reason} from the proxy{headers}")
        }
        Answer::Forward { to, method, target, status } => {
            let method = match method {
                UpstreamMethod::Unchanged => client,
                UpstreamMethod::Replaced(method) => method,
            };
            let target = target.as_deref().map_or(String::new(), |target| format!(" {target}"));
            let status = status.map_or(String::new(), |status| format!(", the client gets {status}"));
            format!("{to} gets {method}{target}{status}")
        }
        Answer::Close => "the proxy closes the connection".to_owned(),
    }
}

/// The names of the statuses that proxies answer with (RFC 9110, section 15).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        425 => "Too Early",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

/// A finding in plain sentences, for formats that have no room of their own for help and witness.
pub(super) fn whole(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    if let Some(help) = &finding.help {
        text = format!("{text}; {help}");
    }
    if let Some(witness) = &finding.witness {
        text = format!("{text} ({} → {})", curl(&witness.request), shown(witness));
    }
    text
}

/// A finding with its next step and its witness, each on a line of its own.
pub fn paragraphs(finding: &Finding) -> String {
    let help = finding.help.as_ref().map(|help| format!("help: {help}"));
    let witness = finding.witness.as_ref().map(|witness| format!("try: {}\n → {}", curl(&witness.request), shown(witness)));
    let when = when(finding).map(|when| format!("provided that {when}"));
    let lines = [Some(finding.message.clone()), help, witness, when].into_iter().flatten();
    lines.collect::<Vec<_>>().join("\n")
}

/// What the witness of a finding shows.
pub(super) fn shown(witness: &Witness) -> String {
    printable(&sentence(&witness.predicted, &witness.request.method))
}

/// The assumptions under which a finding holds.
pub(super) fn when(finding: &Finding) -> Option<String> {
    let when = &finding.witness.as_ref()?.when;
    (!when.is_empty()).then(|| printable(&when.join(", and ")))
}

/// The request as a command that anybody can type.
pub(super) fn curl(request: &Request) -> String {
    let Request { method, scheme, host, address, port, target, version, headers, body, .. } = request;
    let mut words = vec!["curl".to_owned(), "-i".to_owned()];
    match &**method {
        "GET" if body.is_empty() => {}
        // With -X, curl would wait for the body that HEAD does not have.
        "HEAD" => words[1] = "-I".to_owned(),
        method => words.extend(["-X".to_owned(), quoted(method)]),
    }
    match &**version {
        "1.0" => words.push("--http1.0".to_owned()),
        "2" | "2.0" => words.push("--http2-prior-knowledge".to_owned()),
        _ => {}
    }
    let usual = (scheme == "https" && *port == 443) || (scheme == "http" && *port == 80);
    let suffix = if usual { String::new() } else { format!(":{port}") };
    let listener = if address.contains(':') { format!("[{address}]") } else { address.to_string() };
    let mut authority = format!("{listener}{suffix}");
    let name = host.as_deref().map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    match (name, host) {
        // TLS names the host before HTTP does, so the URL must hold it.
        (Some(name), Some(host)) if scheme == "https" && !name.is_empty() && *name != **address => {
            words.extend(["-k".to_owned(), "--connect-to".to_owned(), quoted(&format!("::{listener}:{port}"))]);
            authority = if host.contains(':') { host.clone() } else { format!("{host}{suffix}") };
        }
        (Some("localhost"), Some(host)) if address == "127.0.0.1" && !host.contains(':') => {
            authority = format!("localhost{suffix}")
        }
        (_, Some(host)) if *host != authority && *host != *address => {
            words.extend(["-H".to_owned(), quoted(&format!("Host: {host}"))]);
        }
        (_, Some(_)) => {}
        (_, None) => words.extend(["-H".to_owned(), quoted("Host:")]),
    }
    for (name, value) in headers {
        // A semicolon sends a header without a value, a colon would take the header away.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.extend(["-H".to_owned(), quoted(&header)]);
    }
    if !body.is_empty() {
        words.extend(["--data-raw".to_owned(), quoted(body)]);
    }
    let plain = target.starts_with('/');
    if !plain {
        words.extend(["--request-target".to_owned(), quoted(target)]);
    } else if target.contains('#') {
        // What follows is a fragment for curl, which it keeps to itself.
        words.extend(["--request-target".to_owned(), quoted(target)]);
    } else if target.contains("/.") {
        words.push("--path-as-is".to_owned());
    }
    if target.contains(['{', '[', '}', ']']) {
        words.push("-g".to_owned());
    }
    words.push(quoted(&format!("{scheme}://{authority}{}", if plain { target } else { "/" })));
    words.join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    match word.chars().any(char::is_control) {
        true => format!("$'{}'", word.bytes().flat_map(std::ascii::escape_default).map(char::from).collect::<String>()),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_a_command() {
        let request = Request { method: "PATCH".into(), port: 8080, target: "/api/?a=1&b".into(), ..Request::default() };
        assert_eq!(curl(&request), "curl -i -X PATCH 'http://localhost:8080/api/?a=1&b'");
        let request = Request { method: "HEAD".into(), host: Some("a.example".into()), ..Request::default() };
        assert_eq!(curl(&request), "curl -I -H 'Host: a.example' http://127.0.0.1/");
        let request = Request { scheme: "https".into(), port: 443, host: Some("a.example".into()), ..Request::default() };
        assert_eq!(curl(&request), "curl -i -k --connect-to ::127.0.0.1:443 https://a.example/");
        let request = Request { target: "*".into(), method: "OPTIONS".into(), host: None, ..Request::default() };
        assert_eq!(curl(&request), "curl -i -X OPTIONS -H Host: --request-target '*' http://127.0.0.1/");
    }

    #[test]
    fn quotes_cannot_break_out() {
        assert_eq!(quoted("a'b"), r"'a'\''b'");
        assert_eq!(quoted("$(id)"), "'$(id)'");
        assert_eq!(quoted("a\nb"), r"$'a\nb'");
    }
}
