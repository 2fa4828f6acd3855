//! Which server a file is for.
//!
//! Names say little: `*.conf` is anybody's, and most configs are fragments. What tells the three apart is the shape of their
//! statements: nginx ends them with `;`, HAProxy has keywords under section words in the first column, Apache has `<Sections>`
//! and directives in CamelCase. Each line is held against the three directive tables; names only break near ties.

use std::borrow::Cow;
use std::path::Path;

use crate::grammar::{APACHE, HAPROXY, NGINX};

/// The server that a named file is for; None only where nothing speaks for any.
pub fn detect(path: &Path, text: &str) -> Option<&'static str> {
    let (evidence, hint) = (Evidence::of(text), Hint::of(path));
    let best = Dialect::ALL.into_iter().map(|dialect| (dialect, evidence.share(dialect) + hint.weight(dialect)));
    best.max_by(|left, right| left.1.total_cmp(&right.1)).filter(|&(_, weight)| weight > 0.0).map(|(dialect, _)| dialect.name())
}

/// The same for a file that nobody named: most files of a folder are for none of the three.
pub fn recognise(path: &Path, text: &str) -> Option<&'static str> {
    let hint = Hint::of(path);
    if hint.is_foreign || text.starts_with("#!") {
        return None;
    }
    let evidence = Evidence::of(text);
    let is_told = |dialect| {
        let by_name = hint.file == Some(dialect);
        let threshold = if by_name { NAMED_SHARE } else { SHARE };
        let proof = if by_name { evidence.known } else { evidence.proven };
        evidence.share(dialect) >= threshold && proof[dialect as usize]
    };
    let told = Dialect::ALL.into_iter().filter(|&dialect| is_told(dialect));
    let weight = |dialect: Dialect| evidence.share(dialect) + hint.weight(dialect);
    told.max_by(|left, right| weight(*left).total_cmp(&weight(*right))).map(Dialect::name)
}

/// The part of a file's lines that must speak for a server, and the same where the file's name does so already.
const SHARE: f32 = 0.35;
const NAMED_SHARE: f32 = 0.15;
/// How much of a file is looked at.
const HEAD: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Nginx,
    Apache,
    Haproxy,
}

impl Dialect {
    const ALL: [Dialect; 3] = [Dialect::Nginx, Dialect::Apache, Dialect::Haproxy];

    fn name(self) -> &'static str {
        match self {
            Dialect::Nginx => "nginx",
            Dialect::Apache => "apache",
            Dialect::Haproxy => "haproxy",
        }
    }
}

/// What a path says.
#[derive(Default)]
struct Hint {
    file: Option<Dialect>,
    /// What its folder or ending says.
    folder: Option<Dialect>,
    /// The name is that of a program or a text.
    is_foreign: bool,
}

impl Hint {
    fn of(path: &Path) -> Hint {
        const FOREIGN: &[&str] = &[
            "adoc", "awk", "bash", "bat", "c", "cc", "clj", "cpp", "cs", "css", "csv", "dart", "diff", "ex", "exs", "fish", "go",
            "gradle", "graphql", "groovy", "h", "hpp", "html", "ini", "ipynb", "java", "js", "json", "jsx", "kt", "lock", "log",
            "lua", "m4", "md", "mjs", "nix", "out", "patch", "php", "pl", "pm", "po", "pp", "proto", "ps1", "py", "rb", "ref",
            "retry", "rs", "rst", "scala", "scss", "sed", "sh", "sql", "svg", "swift", "t", "tex", "tf", "toml", "ts", "tsx",
            "vcl", "vtc", "vtci", "vue", "xml", "xs", "xsd", "yaml", "yml", "zsh",
        ];
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let folders = path.parent().map(|folder| folder.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_cfg = name.split('.').skip(1).any(|part| part == "cfg");
        let folder = server_in(&folders).or(is_cfg.then_some(Dialect::Haproxy));
        let is_foreign = FOREIGN.contains(&extension) || is_of_another(&format!("{folders}/{name}"));
        Hint { file: server_of_file(&name), folder, is_foreign }
    }

    fn weight(&self, dialect: Dialect) -> f32 {
        let part = |hint: Option<Dialect>, weight| if hint == Some(dialect) { weight } else { 0.0 };
        part(self.file, 0.1) + part(self.folder, 0.05)
    }
}

fn server_of_file(name: &str) -> Option<Dialect> {
    const NGINX_FILES: &[&str] = &["fastcgi_params", "fastcgi.conf", "proxy_params", "scgi_params", "uwsgi_params"];
    match name {
        _ if name.contains("htaccess") || name.ends_with(".load") => Some(Dialect::Apache),
        _ if NGINX_FILES.contains(&name) => Some(Dialect::Nginx),
        _ => server_in(name),
    }
}

/// Whether a path names a program whose configs look much like those of a server: the last name counts.
fn is_of_another(path: &str) -> bool {
    const OTHERS: &[&str] = &["freeradius", "proftpd", "radiusd", "syslog-ng"];
    let last = OTHERS.iter().filter_map(|other| path.rfind(other)).max();
    last.is_some_and(|at| server_in(&path[at..]).is_none())
}

fn server_in(name: &str) -> Option<Dialect> {
    const NAMES: &[(&str, Dialect)] = &[
        ("nginx", Dialect::Nginx),
        ("openresty", Dialect::Nginx),
        ("apache", Dialect::Apache),
        ("httpd", Dialect::Apache),
        ("haproxy", Dialect::Haproxy),
    ];
    let last = NAMES.iter().filter_map(|&(word, dialect)| Some((name.rfind(word)?, dialect)));
    last.max_by_key(|&(at, _)| at).map(|(_, dialect)| dialect)
}

/// What the lines of a text say; arrays have one place for each dialect.
#[derive(Default)]
struct Evidence {
    lines: f32,
    weights: [f32; 3],
    /// Whether a line was seen that is hardly anything else.
    proven: [bool; 3],
    /// Whether a line was seen that its table has.
    known: [bool; 3],
    in_nginx_block: bool,
    in_haproxy_section: bool,
    /// How many braces of a Lua block are open.
    lua: usize,
    within: Within,
}

/// Whether a line goes on with the statement of the line before.
#[derive(Default, PartialEq)]
enum Within {
    #[default]
    Nothing,
    /// After a backslash.
    Line,
    /// Up to the next `;`.
    Statement,
}

impl Evidence {
    fn of(text: &str) -> Evidence {
        let mut end = text.len().min(HEAD);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut evidence = Evidence::default();
        text[..end].lines().for_each(|line| evidence.add(line));
        evidence
    }

    fn share(&self, dialect: Dialect) -> f32 {
        self.weights[dialect as usize] / self.lines.max(1.0)
    }

    fn add(&mut self, line: &str) {
        if self.lua > 0 {
            let (opened, closed) = (line.matches('{').count(), line.matches('}').count());
            self.lua = (self.lua + opened).saturating_sub(closed);
            return;
        }
        let line = without_markup(line);
        let Some(line) = Line::of(&line) else { return };
        if self.goes_on(&line) || line.is_punctuation() {
            return;
        }
        self.lines += 1.0;
        let weights = [self.nginx(&line), self.apache(&line), self.haproxy(&line)];
        self.weights.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
        self.known.iter_mut().zip(weights).for_each(|(known, weight)| *known |= weight >= 0.5);
    }

    fn goes_on(&mut self, line: &Line<'_>) -> bool {
        let before = std::mem::take(&mut self.within);
        if line.text.ends_with('\\') {
            self.within = Within::Line;
        } else if before == Within::Statement && !line.ends_with([';', '{', '}']) {
            self.within = Within::Statement;
        }
        before != Within::Nothing
    }

    fn prove(&mut self, dialect: Dialect, proof: bool) {
        self.proven[dialect as usize] |= proof;
    }

    fn nginx(&mut self, line: &Line<'_>) -> f32 {
        let opens_block = line.ends_with(['{']);
        let mut entries = NGINX.find(line.name).peekable();
        let is_known = entries.peek().is_some();
        if is_known && !line.ends_with([';', '{', '}']) && !line.rest.contains([';', '{']) {
            let is_only_here = line.name.contains('_') && !APACHE.knows(line.name) && !HAPROXY.knows(line.name);
            self.within = if is_only_here && self.within == Within::Nothing { Within::Statement } else { Within::Nothing };
            return if is_only_here { 0.7 } else { 0.0 };
        }
        if is_known {
            let is_block = entries.any(|entry| entry.block) && line.rest.contains('{');
            self.prove(Dialect::Nginx, is_block && line.name != "if" || line.name.contains('_'));
            self.in_nginx_block |= is_block;
            self.lua = if opens_block && line.name.ends_with("_by_lua_block") { 1 } else { 0 };
            return 1.0;
        }
        match line.is_statement() {
            true if self.in_nginx_block => 0.8,
            true => 0.3,
            false => 0.0,
        }
    }

    fn apache(&mut self, line: &Line<'_>) -> f32 {
        if let Some(section) = line.section() {
            let is_known = APACHE.find(section).any(|entry| entry.block);
            self.prove(Dialect::Apache, is_known);
            return if is_known { 1.0 } else { 0.0 };
        }
        if line.ends_with([';', '{']) {
            return 0.0;
        }
        let capitals = line.name.bytes().filter(u8::is_ascii_uppercase).count();
        let is_camel = capitals > 1 && line.name.len() > 4 && line.name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let Some(entry) = APACHE.find(line.name).find(|entry| !entry.block) else {
            let is_assignment = line.rest.trim_start().starts_with(['=', ':', '(']);
            return if is_camel && line.is_mixed() && !is_assignment { 0.3 } else { 0.0 };
        };
        self.prove(Dialect::Apache, is_camel && entry.name == line.name);
        if entry.name == line.name { 1.0 } else { 0.6 }
    }

    fn haproxy(&mut self, line: &Line<'_>) -> f32 {
        const SECTIONS: &[&str] = &[
            "backend",
            "cache",
            "crt-list",
            "crt-store",
            "defaults",
            "fcgi-app",
            "frontend",
            "global",
            "http-errors",
            "listen",
            "log-forward",
            "mailers",
            "peers",
            "program",
            "resolvers",
            "ring",
            "traces",
            "userlist",
        ];
        if line.ends_with([';', '{']) {
            return 0.0;
        }
        if SECTIONS.contains(&line.name) && line.is_header() {
            let is_first_column = !line.is_indented;
            self.in_haproxy_section |= is_first_column;
            self.prove(Dialect::Haproxy, is_first_column && matches!(line.name, "backend" | "defaults" | "frontend" | "listen"));
            return if is_first_column { 1.0 } else { 0.5 };
        }
        if matches!(line.name, ".if" | ".elif" | ".else" | ".endif") {
            return 1.0;
        }
        let name = line.name_without_no();
        let mut entries = HAPROXY.find(name).filter(|entry| matches!(entry.module, "proxy" | "global" | "userlist" | "peers"));
        let Some(entry) = entries.next() else { return if self.in_haproxy_section { 0.2 } else { 0.0 } };
        self.prove(Dialect::Haproxy, entry.module == "proxy" && name.contains(['-', '_']));
        if self.in_haproxy_section { 1.0 } else { 0.7 }
    }
}

/// A line that says something.
struct Line<'l> {
    /// Without blanks at its sides and without a comment at its end.
    text: &'l str,
    name: &'l str,
    rest: &'l str,
    is_indented: bool,
}

impl<'l> Line<'l> {
    /// None for blank lines, comments and lines of quoted text.
    fn of(line: &'l str) -> Option<Line<'l>> {
        let uncommented = line.split_once(" #").map_or(line, |(before, _)| before);
        let text = uncommented.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.starts_with(['#', '\'', '"']) {
            return None;
        }
        let end = text.find(|sign: char| sign.is_whitespace() || matches!(sign, ';' | '{')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        Some(Line { text, name, rest, is_indented: line.starts_with([' ', '\t']) })
    }

    fn ends_with<const N: usize>(&self, signs: [char; N]) -> bool {
        self.text.ends_with(signs)
    }

    fn is_punctuation(&self) -> bool {
        self.text.bytes().all(|byte| matches!(byte, b'{' | b'}' | b';' | b' ' | b'\t'))
    }

    /// Whether this is words and a `;` or `{`, and no expression of a programming language.
    fn is_statement(&self) -> bool {
        let is_expression = self.name.ends_with([':', ')']) || self.name.contains('(') || self.rest.trim_start().starts_with('=');
        self.ends_with([';', '{']) && !self.name.is_empty() && !is_expression
    }

    /// The name in `<Name …>` and `</Name>`.
    fn section(&self) -> Option<&'l str> {
        let inside = self.text.strip_prefix('<')?;
        let inside = inside.strip_prefix('/').unwrap_or(inside);
        let end = inside.find(|sign: char| sign.is_whitespace() || sign == '>')?;
        Some(&inside[..end])
    }

    /// Whether the name starts with a capital and holds small letters as well.
    fn is_mixed(&self) -> bool {
        self.name.starts_with(|first: char| first.is_ascii_uppercase()) && self.name.bytes().any(|byte| byte.is_ascii_lowercase())
    }

    /// Whether a section word is followed by no more than a name and what may stand behind it: `backend app from base`.
    fn is_header(&self) -> bool {
        let mut words = self.rest.split_whitespace();
        let needs_name = matches!(self.name, "backend" | "frontend" | "listen");
        match words.next() {
            None => !needs_name,
            Some(name) => !matches!(name, "=" | ":" | ":=") && words.count() < 3 && !self.ends_with(['.', ',']),
        }
    }

    /// The keyword in `no option httplog` and `default option …`.
    fn name_without_no(&self) -> &'l str {
        match self.name {
            "no" | "default" => self.rest.split_whitespace().next().unwrap_or(""),
            name => name,
        }
    }
}

/// The line with a word for each expression of a template, and without its control statements.
fn without_markup(line: &str) -> Cow<'_, str> {
    const MARKS: [(&str, &str); 3] = [("<%", "%>"), ("{{", "}}"), ("{%", "%}")];
    if !MARKS.iter().any(|(opening, _)| line.contains(opening)) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((at, (opening, closing))) = first_mark(rest, &MARKS) {
        text.push_str(&rest[..at]);
        let inside = &rest[at + opening.len()..];
        let is_expression = opening == "{{" || inside.starts_with('=');
        rest = inside.find(closing).map_or("", |end| &inside[end + closing.len()..]);
        let is_alone = text.trim().is_empty() && rest.trim().is_empty();
        text.push_str(if is_expression && !is_alone { "x1" } else { "" });
    }
    text.push_str(rest);
    Cow::Owned(text)
}

fn first_mark<'m>(text: &str, marks: &[(&'m str, &'m str)]) -> Option<(usize, (&'m str, &'m str))> {
    marks.iter().filter_map(|&mark| Some((text.find(mark.0)?, mark))).min_by_key(|&(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str) -> (Option<&'static str>, Option<&'static str>) {
        (detect(Path::new(name), text), recognise(Path::new(name), text))
    }

    #[test]
    fn fragments_are_told_by_their_statements() {
        let nginx = "location /api {\n    limit_except GET { deny all; }\n    proxy_pass http://app;\n}\n";
        let apache = "RewriteEngine On\nRewriteCond %{REQUEST_METHOD} ^TRACE\nRewriteRule .* - [F]\n";
        let haproxy = "frontend web\n    bind :80\n    http-request deny unless METH_GET\n    default_backend app\n";
        for name in ["x", "site.conf", "sites-available/default"] {
            assert_eq!(of(name, nginx), (Some("nginx"), Some("nginx")));
            assert_eq!(of(name, apache), (Some("apache"), Some("apache")));
            assert_eq!(of(name, haproxy), (Some("haproxy"), Some("haproxy")));
        }
    }

    #[test]
    fn markup_and_code_say_nothing() {
        let template = "{% if tls %}\nserver {\n    listen {{ port }} ssl;\n    server_name <%= @name %>;\n}\n{% endif %}\n";
        assert_eq!(of("site.conf.j2", template).1, Some("nginx"));
        let lua = "location / {\n  content_by_lua_block {\n    local x = 1\n    if x then\n      ngx.say(x)\n    end\n  }\n}\n";
        assert_eq!(of("x", lua).1, Some("nginx"));
        let c =
            "#include <stdio.h>\nint main(void) {\n    int x = 3;\n    if (x) {\n        return x;\n    }\n    return 0;\n}\n";
        assert_eq!(of("main", c).1, None);
        for (name, text) in [
            ("unit.service", "[Unit]\nDescription=x\nAfter=network.target\n[Service]\nExecStart=/bin/x\n"),
            ("sshd_config", "Port 22\nPermitRootLogin no\nAcceptEnv LANG LC_*\nSubsystem sftp /usr/lib/sftp\n"),
            ("page", "<html>\n<body>\n<p>Location</p>\n</body>\n</html>\n"),
            ("notes", "Require all of the guests to be on time.\nOrder the cake.\n\nlisten to the band\n"),
            ("www.conf", "; pool\n[www]\nlisten = /run/php.sock\nlisten.owner = me\nuser = me\ngroup = me\npm = ondemand\n"),
            ("41586", "The form showed a link when a\nbackend that supports changes was seen. The\nlisten queue did not.\n"),
            ("syslog/nginx.conf", "filter f_nginx {\n    program(\"nginx\");\n};\n"),
            (
                "proftpd/tls.conf",
                "<IfModule mod_tls.c>\nTLSEngine on\n</IfModule>\n<Directory />\nAllowOverride on\n</Directory>\n",
            ),
            ("README.md", "```\nserver {\n    listen 80;\n    server_name x;\n}\n```\n"),
        ] {
            assert_eq!(of(name, text).1, None, "{name}");
        }
    }

    #[test]
    fn names_break_near_ties_and_stand_alone_where_nothing_else_speaks() {
        assert_eq!(of("/etc/haproxy/haproxy.cfg", "").0, Some("haproxy"));
        assert_eq!(of("/etc/apache2/sites-enabled/a.conf", "# later\n").0, Some("apache"));
        assert_eq!(of("/srv/.htaccess", "deny from all\n"), (Some("apache"), Some("apache")));
        assert_eq!(of("notes", "").0, None);
        assert_eq!(of("notes", "hello\n").0, None);
        assert_eq!(of("/etc/nginx/apache-compat.conf", "RewriteEngine On\n").0, Some("apache"));
    }

    #[test]
    fn only_the_start_of_a_large_file_is_read() {
        let text = "é\n".repeat(10 * HEAD) + "location / { proxy_pass http://x; }\n";
        assert_eq!(of("x", &text), (None, None));
    }
}
