//! OpenAPI 3 descriptions, in YAML or JSON, as far as paths and methods go.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScanError, Span};

use super::template::Template;

/// One operation: a method on a path.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) hosts: Vec<String>,
    pub(super) path: Template,
    pub(super) method: String,
    /// Where the operation is stated.
    pub(super) range: Range<usize>,
}

/// Why a file is no OpenAPI description.
#[derive(Debug, thiserror::Error)]
pub enum NotOpenApi {
    #[error("line {line}: {message}")]
    Syntax { line: usize, message: String },
    #[error("it has no `openapi: 3…` line")]
    Version,
    #[error("it is nested more than {} deep", MAX_DEPTH)]
    TooDeep,
}

/// The fields of a path item that are operations (OpenAPI 3.2 adds `query`).
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// No description nests deeper by far.
const MAX_DEPTH: usize = 200;

/// A node of the document; aliases are not followed and count as empty.
#[derive(Debug)]
enum Node {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
struct Key {
    name: String,
    range: Range<usize>,
}

/// What is not there.
static EMPTY: Node = Node::Scalar(String::new());

impl Node {
    fn get(&self, name: &str) -> &Node {
        let found = self.entries().iter().find(|(key, _)| key.name == name);
        found.map_or(&EMPTY, |(_, node)| node)
    }

    fn entries(&self) -> &[(Key, Node)] {
        if let Node::Map(entries) = self { entries } else { &[] }
    }

    fn items(&self) -> &[Node] {
        if let Node::List(items) = self { items } else { &[] }
    }

    fn text(&self) -> &str {
        if let Node::Scalar(text) = self { text } else { "" }
    }

    /// Follows a `$ref` inside of the document, once: chains of them are rare, and cycles are possible.
    fn resolved<'n>(&'n self, root: &'n Node) -> &'n Node {
        match self.get("$ref").text().strip_prefix("#/") {
            Some(path) => path.split('/').fold(root, |node, part| node.get(&part.replace("~1", "/").replace("~0", "~"))),
            None => self,
        }
    }
}

/// All operations of a description.
pub(super) fn operations(text: &str) -> Result<Vec<Operation>, NotOpenApi> {
    let root = read(text)?;
    if !root.get("openapi").text().starts_with('3') {
        return Err(NotOpenApi::Version);
    }
    let mut operations = Vec::new();
    for (path, item) in root.get("paths").entries() {
        let item = item.resolved(&root);
        for (key, operation) in item.entries() {
            if !METHODS.contains(&key.name.as_str()) {
                continue;
            }
            let values = values(&root, [item, operation]);
            let servers = [operation, item, &root].map(|node| node.get("servers").items());
            let servers = servers.into_iter().find(|servers| !servers.is_empty()).unwrap_or_default();
            let bases: Vec<_> = servers.iter().map(server).collect();
            let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (host, base) in if bases.is_empty() { vec![(None, String::new())] } else { bases } {
                paths.entry(format!("{}{}", base.trim_end_matches('/'), path.name)).or_default().extend(host);
            }
            operations.extend(paths.into_iter().map(|(path, hosts)| Operation {
                hosts,
                path: Template::with(&path, values.clone()),
                method: key.name.to_ascii_uppercase(),
                range: key.range.clone(),
            }));
        }
    }
    Ok(operations)
}

/// Host and path of a server's URL.
fn server(server: &Node) -> (Option<String>, String) {
    let mut url = server.get("url").text().to_owned();
    for (variable, about) in server.get("variables").entries() {
        url = url.replace(&format!("{{{}}}", variable.name), about.get("default").text());
    }
    let Some((_, rest)) = url.split_once("://") else { return (None, url) };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    // A developer's own machine says nothing about the proxy's virtual hosts.
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "");
    ((!local).then(|| host.to_owned()), path.to_owned())
}

/// A value for each parameter of the path, as its schema wants it.
fn values(root: &Node, of: [&Node; 2]) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for parameter in of.into_iter().flat_map(|node| node.get("parameters").items()) {
        let parameter = parameter.resolved(root);
        if parameter.get("in").text() != "path" {
            continue;
        }
        let schema = parameter.get("schema").resolved(root);
        let given = [parameter.get("example"), schema.get("example"), schema.get("default")];
        let given = given.into_iter().chain(schema.get("enum").items()).map(Node::text).find(|text| !text.is_empty());
        let value = given.unwrap_or(match (schema.get("type").text(), schema.get("format").text()) {
            (_, "uuid") => "123e4567-e89b-12d3-a456-426614174000",
            (_, "date") => "2024-01-31",
            ("string", _) => "x",
            _ => "1",
        });
        values.insert(parameter.get("name").text().to_owned(), value.to_owned());
    }
    values
}

/// Reads the first document. JSON is YAML, too.
fn read(text: &str) -> Result<Node, NotOpenApi> {
    let lines = Lines::new(text);
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        let done = match event {
            Event::Scalar(value, ..) => Some((Node::Scalar(value.into_owned()), lines.range(&span))),
            Event::Alias(_) => Some((Node::Scalar(String::new()), lines.range(&span))),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| (open.close(), lines.range(&span))),
            Event::DocumentEnd => break,
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(NotOpenApi::TooDeep);
        }
        let Some((node, range)) = done else { continue };
        match open.last_mut() {
            Some(container) => container.add(node, range),
            None => return Ok(node),
        }
    }
    Ok(Node::Scalar(String::new()))
}

fn syntax(error: &ScanError) -> NotOpenApi {
    NotOpenApi::Syntax { line: error.marker().line(), message: error.info().to_owned() }
}

/// A list or map that is being read.
enum Open {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

impl Open {
    fn add(&mut self, node: Node, range: Range<usize>) {
        match self {
            Open::List(items) => items.push(node),
            Open::Map(entries, key) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(Key { name: node.text().to_owned(), range }),
            },
        }
    }

    fn close(self) -> Node {
        match self {
            Open::List(items) => Node::List(items),
            Open::Map(entries, _) => Node::Map(entries),
        }
    }
}

/// The parser counts lines from 1 and columns in characters; spans are bytes.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        Lines { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let offset = |line: usize, column: usize| {
            let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
            let rest = &self.text[start..];
            start + rest.char_indices().nth(column).map_or(rest.len(), |(index, _)| index)
        };
        let start = offset(span.start.line(), span.start.col());
        start..offset(span.end.line(), span.end.col()).max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "openapi: 3.0.3
servers:
  - url: https://api.example.com/{stage}
    variables: {stage: {default: v1}}
paths:
  /users/{id}:
    parameters: [{$ref: '#/components/parameters/id'}]
    get: {}
    patch: {}
    x-note: nothing
components:
  parameters:
    id: {name: id, in: path, schema: {type: string, format: uuid}}
";

    #[test]
    fn each_operation_is_found_at_its_line() {
        let found = operations(YAML).unwrap();
        let methods: Vec<_> = found.iter().map(|operation| operation.method.as_str()).collect();
        assert_eq!(methods, ["GET", "PATCH"]);
        assert_eq!(found[0].hosts, ["api.example.com"]);
        assert_eq!(found[0].path.examples(), ["/v1/users/123e4567-e89b-12d3-a456-426614174000"]);
        assert_eq!(&YAML[found[1].range.clone()], "patch");
    }

    #[test]
    fn json_is_read_and_other_files_are_refused() {
        let json = r#"{"openapi": "3.1.0", "paths": {"/a": {"delete": {}}}}"#;
        assert_eq!(operations(json).unwrap()[0].path.examples(), ["/a"]);
        assert!(matches!(operations("a: b"), Err(NotOpenApi::Version)));
        assert!(matches!(operations("a: [b"), Err(NotOpenApi::Syntax { .. })));
        assert!(matches!(operations(&"[".repeat(10_000)), Err(NotOpenApi::TooDeep | NotOpenApi::Syntax { .. })));
    }
}
