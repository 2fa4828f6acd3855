//! `proxylint lsp`, driven over pipes as an editor does.

#![cfg(feature = "lsp")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const DENIED: &str =
    "# ä😀\nlocation /api/ {\n    limit_except GET POST { deny all; } # 😀\n    proxy_pass http://127.0.0.1:3000;\n}\n";
const CLEAN: &str = "location /api/ {\n    proxy_pass http://127.0.0.1:3000;\n}\n";
const STALE: &str =
    "location /api/ {\r\n    # proxylint: allow(method-denied) gone\r\n    proxy_pass http://127.0.0.1:3000;\r\n}\r\n";

/// The longest that a test waits for a message; a machine that is busy is slow.
const PATIENCE: Duration = Duration::from_secs(60);

struct Editor {
    folder: TempDir,
    server: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    requests: i64,
}

impl Editor {
    /// A server for a project with these files.
    fn new(files: &[(&str, &str)], capabilities: Value) -> Editor {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_proxylint"));
        command.args(["lsp", "--stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).env_clear();
        let mut server = command.current_dir("/").spawn().unwrap();
        let (sender, from) = channel();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        std::thread::spawn(move || {
            while let Some(message) = read(&mut out)
                && sender.send(message).is_ok()
            {}
        });
        let to = server.stdin.take();
        let mut editor = Editor { folder, server, to, from, requests: 0 };
        let root = editor.uri("");
        let told = editor.ask(
            "initialize",
            json!({"processId": null, "rootUri": root, "capabilities": capabilities, "workspaceFolders": [{"uri": root, "name": "x"}]}),
        );
        assert_eq!(told["serverInfo"]["name"], "proxylint");
        editor.tell("initialized", json!({}));
        editor
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.to.as_mut().unwrap(), "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let answer = self.wait(|message| message["id"] == id && message.get("method").is_none());
        assert!(answer.get("error").is_none(), "{answer:#}");
        answer["result"].clone()
    }

    fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.from.recv_timeout(PATIENCE).expect("the server says nothing");
            if wanted(&message) {
                return message;
            }
        }
    }

    fn open(&mut self, name: &str, language: &str, text: &str) {
        let uri = self.uri(name);
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    fn change(&mut self, name: &str, version: i32, text: &str) {
        let document = json!({"uri": self.uri(name), "version": version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [{"text": text}]}));
    }

    /// The next findings of a file.
    fn findings(&self, name: &str) -> Vec<Value> {
        let uri = self.uri(name);
        let told = self
            .wait(|message| message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str());
        told["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// The actions at a line.
    fn actions(&mut self, name: &str, line: u32) -> Vec<Value> {
        let place = json!({"line": line, "character": 6});
        let document = json!({"uri": self.uri(name)});
        let range = json!({"start": place, "end": place});
        let told = self
            .ask("textDocument/codeAction", json!({"textDocument": document, "range": range, "context": {"diagnostics": []}}));
        told.as_array().unwrap().clone()
    }

    fn hover(&mut self, name: &str, line: u32, character: u32) -> Value {
        let place = json!({"line": line, "character": character});
        self.ask("textDocument/hover", json!({"textDocument": {"uri": self.uri(name)}, "position": place}))
    }

    /// Says goodbye and tells how the server ends.
    fn leave(mut self) -> i32 {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.wait().unwrap().code().unwrap()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn codes(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// The text with the edits of an action for one file, which count in UTF-16.
fn applied(text: &str, action: &Value, uri: &str) -> String {
    let mut edits = action["edit"]["changes"][uri].as_array().unwrap().clone();
    edits.sort_by_key(|edit| {
        std::cmp::Reverse((edit["range"]["start"]["line"].as_u64(), edit["range"]["start"]["character"].as_u64()))
    });
    let offset = |place: &Value| {
        let line = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let units = usize::try_from(place["character"].as_u64().unwrap()).unwrap();
        let prefix: Vec<u16> = text[start..].encode_utf16().take(units).collect();
        start + String::from_utf16(&prefix).unwrap().len()
    };
    let mut changed = text.to_owned();
    for edit in edits {
        let range = offset(&edit["range"]["start"])..offset(&edit["range"]["end"]);
        changed.replace_range(range, edit["newText"].as_str().unwrap());
    }
    changed
}

#[test]
fn findings_come_and_go_with_the_text() {
    let mut editor = Editor::new(&[("api.conf", CLEAN)], json!({}));
    // The text is the editor's; the disk holds another one.
    editor.open("api.conf", "nginx", DENIED);
    let findings = editor.findings("api.conf");
    assert_eq!(codes(&findings), ["method-denied"]);
    let finding = &findings[0];
    assert_eq!(finding["range"], json!({"start": {"line": 2, "character": 4}, "end": {"line": 2, "character": 25}}));
    assert_eq!((&finding["severity"], &finding["source"]), (&json!(2), &json!("proxylint")));
    let link = finding["codeDescription"]["href"].as_str().unwrap();
    assert!(link.ends_with("#method-denied"), "{link}");
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("\nhelp: ") && message.contains("\ntry: curl -i -X PATCH "), "{message}");
    let related = finding["relatedInformation"].as_array().unwrap();
    assert!(related.iter().any(|other| other["location"]["uri"] == editor.uri("api.conf").as_str()), "{related:#?}");

    editor.change("api.conf", 2, CLEAN);
    assert_eq!(editor.findings("api.conf"), [Value::Null; 0]);
    let broken = DENIED.replace("deny all; }", "deny all;");
    editor.change("api.conf", 3, &broken);
    assert!(codes(&editor.findings("api.conf")).contains(&"syntax-error"));
    editor.tell("textDocument/didClose", json!({"textDocument": {"uri": editor.uri("api.conf")}}));
    assert_eq!(editor.findings("api.conf"), [Value::Null; 0]);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn actions_mend_and_silence() {
    let mut editor = Editor::new(&[("proxylint.toml", "pedantic = true\n")], json!({}));
    editor.open("stale.conf", "nginx", STALE);
    let findings = editor.findings("stale.conf");
    assert_eq!(codes(&findings), ["suppression-unused"]);
    assert_eq!(findings[0]["tags"], json!([1]));
    let uri = editor.uri("stale.conf");
    let actions = editor.actions("stale.conf", 1);
    let kinds: Vec<_> = actions.iter().map(|action| action["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["quickfix", "source.fixAll"]);
    for action in &actions {
        let mended = applied(STALE, action, &uri);
        assert_eq!(mended, CLEAN.replace('\n', "\r\n"));
    }

    editor.open("api.conf", "nginx", DENIED);
    assert!(codes(&editor.findings("api.conf")).contains(&"method-denied"));
    let uri = editor.uri("api.conf");
    let actions = editor.actions("api.conf", 2);
    let allow = actions.iter().find(|action| action["title"] == "Allow method-denied here").unwrap();
    let silenced = applied(DENIED, allow, &uri);
    assert!(silenced.contains("\n    # proxylint: allow(method-denied)\n    limit_except"), "{silenced}");
    editor.change("api.conf", 2, &silenced);
    assert!(!codes(&editor.findings("api.conf")).contains(&"method-denied"));
}

#[test]
fn hovering_shows_the_manual() {
    let mut editor = Editor::new(&[], json!({}));
    let text = format!("# proxylint: allow-file(head-blocked)\n{DENIED}");
    editor.open("api.conf", "nginx", &text);
    let over_finding = editor.hover("api.conf", 3, 8);
    let page = over_finding["contents"]["value"].as_str().unwrap();
    assert!(page.starts_with("### method-denied\n\n") && page.contains("## Why it hurts"), "{page}");
    assert_eq!(over_finding["range"]["start"], json!({"line": 3, "character": 4}));
    let over_name = editor.hover("api.conf", 0, 30);
    assert!(over_name["contents"]["value"].as_str().unwrap().contains("### head-blocked"), "{over_name:#}");
    assert_eq!(editor.hover("api.conf", 4, 8), Value::Null);
}

const MAIN: &str = "events {}\nhttp {\n    map $request_method $blocked {\n        default 1;\n        GET 0;\n        HEAD 0;\n        POST 0;\n    }\n    include sites-enabled/*;\n}\n";
const SITE: &str = "server {\n    listen 8080;\n    location / {\n        if ($blocked) { return 405; }\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";

#[test]
fn a_piece_is_linted_in_the_context_of_its_whole() {
    let mut editor = Editor::new(&[("nginx/nginx.conf", MAIN), ("nginx/sites-enabled/shop", SITE)], json!({}));
    editor.open("nginx/sites-enabled/shop", "plaintext", SITE);
    // Without the map of the main file, `$blocked` would be unknown and the config refused.
    let findings = editor.findings("nginx/sites-enabled/shop");
    assert_eq!(codes(&findings), ["method-denied"]);

    // The main file changes in the editor, and the piece's findings with it.
    let open = MAIN.replace("default 1;", "default 0;");
    editor.open("nginx/nginx.conf", "nginx", &open);
    assert_eq!(editor.findings("nginx/sites-enabled/shop"), [Value::Null; 0]);
    editor.change("nginx/nginx.conf", 2, MAIN);
    assert_eq!(codes(&editor.findings("nginx/sites-enabled/shop")), ["method-denied"]);
    // Where the main file lets go of it, it stands alone.
    editor.change("nginx/nginx.conf", 3, "events {}\n");
    assert_eq!(editor.findings("nginx/sites-enabled/shop"), [Value::Null; 0]);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn the_settings_are_those_of_the_command_line() {
    let settings = "ignore = [\"method-denied\"]\nexclude = [\"old/**\"]\n";
    let mut editor = Editor::new(
        &[("proxylint.toml", settings)],
        json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}}),
    );
    let watch = editor.wait(|message| message["method"] == "client/registerCapability");
    editor.send(&json!({"jsonrpc": "2.0", "id": watch["id"], "result": null}));
    editor.open("api.conf", "nginx", DENIED);
    assert_eq!(editor.findings("api.conf"), [Value::Null; 0]);
    editor.open("old/api.conf", "nginx", DENIED);
    assert_eq!(editor.findings("old/api.conf"), [Value::Null; 0]);
    editor.open("redis.conf", "conf", "port 6379\nappendonly yes\n");
    assert_eq!(editor.findings("redis.conf"), [Value::Null; 0]);

    let changed = |editor: &mut Editor, text: &str| {
        fs::write(editor.path("proxylint.toml"), text).unwrap();
        let change = json!({"uri": editor.uri("proxylint.toml"), "type": 2});
        editor.tell("workspace/didChangeWatchedFiles", json!({"changes": [change]}));
    };
    changed(&mut editor, "ignore = [\"method-denid\"]\n");
    let mistakes = editor.findings("proxylint.toml");
    assert_eq!(mistakes[0]["range"]["start"], json!({"line": 0, "character": 10}));
    assert!(mistakes[0]["message"].as_str().unwrap().contains("did you mean `method-denied`?"), "{mistakes:#?}");
    changed(&mut editor, "");
    assert_eq!(editor.findings("proxylint.toml"), [Value::Null; 0]);
    editor.change("api.conf", 2, &format!("\n{DENIED}"));
    assert_eq!(codes(&editor.findings("api.conf")), ["method-denied"]);
}

#[test]
fn columns_are_in_the_units_that_were_agreed_on() {
    let text = "location /ä😀/ { limit_except GET POST { deny all; } proxy_pass http://127.0.0.1:3000; }\n";
    let before = text.find("limit_except").unwrap();
    let utf16 = text[..before].encode_utf16().count();
    for (capabilities, column) in [(json!({}), utf16), (json!({"general": {"positionEncodings": ["utf-8", "utf-16"]}}), before)] {
        let mut editor = Editor::new(&[], capabilities);
        editor.open("api.conf", "nginx", text);
        assert_eq!(editor.findings("api.conf")[0]["range"]["start"]["character"], column);
    }
}

#[test]
fn what_makes_no_sense_is_survived() {
    let mut editor = Editor::new(&[], json!({}));
    editor.tell("textDocument/didOpen", json!({"textDocument": {"uri": 7}}));
    editor
        .tell("textDocument/didChange", json!({"textDocument": {"uri": "file:///nowhere", "version": 1}, "contentChanges": []}));
    editor.tell("$/unheard", json!(null));
    editor.send(&json!({"jsonrpc": "2.0", "id": "a", "method": "textDocument/definition", "params": {}}));
    assert_eq!(editor.wait(|message| message["id"] == "a")["error"]["code"], -32601);
    editor.send(&json!({"jsonrpc": "2.0", "id": "b", "method": "textDocument/hover", "params": {}}));
    assert_eq!(editor.wait(|message| message["id"] == "b")["error"]["code"], -32602);
    let unsaved = json!({"uri": "untitled:Untitled-1", "languageId": "nginx", "version": 1, "text": DENIED});
    editor.tell("textDocument/didOpen", json!({"textDocument": unsaved}));
    let told = editor.wait(|message| message["params"]["uri"] == "untitled:Untitled-1");
    assert_eq!(told["params"]["diagnostics"][0]["code"], "method-denied");
    // An editor that goes without a word leaves no process behind.
    drop(editor.to.take());
    assert_eq!(editor.server.wait().unwrap().code(), Some(1));
}

#[test]
fn the_disk_is_read_where_nothing_is_open() {
    let link = Path::new("nginx/sites-enabled/shop");
    let mut editor = Editor::new(&[("nginx/nginx.conf", MAIN), ("nginx/sites-available/shop", SITE)], json!({}));
    fs::create_dir_all(editor.path(link.parent().unwrap().to_str().unwrap())).unwrap();
    std::os::unix::fs::symlink("../sites-available/shop", editor.path(link.to_str().unwrap())).unwrap();
    // The whole includes the link, and its target is what is edited.
    editor.open("nginx/sites-available/shop", "nginx", SITE);
    assert_eq!(codes(&editor.findings("nginx/sites-available/shop")), ["method-denied"]);
    fs::write(editor.path("nginx/nginx.conf"), MAIN.replace("default 1;", "default 0;")).unwrap();
    editor.tell("textDocument/didSave", json!({"textDocument": {"uri": editor.uri("nginx/nginx.conf")}}));
    assert_eq!(editor.findings("nginx/sites-available/shop"), [Value::Null; 0]);
}
