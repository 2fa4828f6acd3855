//! `proxylint lsp`: findings in editors, by the Language Server Protocol on standard input and output.
//!
//! A thin layer: what a document is linted with is what the command line would take for its path.

mod actions;
mod convert;
mod documents;
mod hover;
mod places;
mod session;

use std::time::Duration;

use clap::Args;
use gen_lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProvider, DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher,
    GlobPattern, HoverProvider, InitializeResult, Pattern, PositionEncodingKind, Registration, RegistrationParams, Save,
    ServerCapabilities, ServerInfo, TextDocumentSync, TextDocumentSyncKind, TextDocumentSyncOptions,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::options::Common;
use super::{Failure, Status};
use crate::{config, uri};
use convert::Encoding;
use session::Session;

#[derive(Args)]
pub(super) struct LspOptions {
    /// Show `info` findings too.
    #[arg(long)]
    pedantic: bool,
    /// Talk on standard input and output, which is the only way; many editors add this.
    #[arg(long, hide = true)]
    stdio: bool,
    #[command(flatten)]
    common: Common,
}

/// How long the editor must be quiet before a change is linted: nobody reads findings between two keys.
const QUIET: Duration = Duration::from_millis(120);

pub(super) fn run(options: &LspOptions) -> Result<Status, Failure> {
    let (connection, threads) = Connection::stdio();
    let status = serve(options, &connection);
    // The threads end when their channels do.
    drop(connection);
    threads.join()?;
    status
}

/// Talks to an editor until it says goodbye; to go without is a failure, as the protocol has it.
fn serve(options: &LspOptions, connection: &Connection) -> Result<Status, Failure> {
    let Ok((id, client)) = connection.initialize_start() else { return Ok(Status::Failed) };
    let encoding = encoding(&client);
    let start = InitializeResult {
        capabilities: capabilities(encoding),
        server_info: Some(ServerInfo { name: "proxylint".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) }),
    };
    let Ok(start) = serde_json::to_value(start) else { return Ok(Status::Failed) };
    if connection.initialize_finish(id, start).is_err() {
        return Ok(Status::Failed);
    }
    let workspace = workspace(&client);
    if let Some(folder) = &workspace {
        // Paths of the options, and what configs may include, start where the command would run.
        std::env::set_current_dir(folder)?;
    }
    if client.pointer("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration") == Some(&Value::Bool(true)) {
        send(connection, watch());
    }
    listen(connection, Session::new(options, encoding, workspace))
}

fn listen(connection: &Connection, mut session: Session<'_>) -> Result<Status, Failure> {
    loop {
        let message = match session.is_stale() {
            false => connection.receiver.recv().map_err(|_| false),
            true => connection.receiver.recv_timeout(QUIET).map_err(|silence| silence.is_timeout()),
        };
        match message {
            Ok(Message::Request(request)) => match connection.handle_shutdown(&request) {
                Ok(true) => return Ok(Status::Clean),
                Ok(false) => {
                    // The answer is about the text as it is now.
                    tell(connection, &mut session);
                    send(connection, Message::Response(answer(&session, request)));
                }
                Err(_) => return Ok(Status::Failed),
            },
            Ok(Message::Notification(note)) if note.method == "exit" => return Ok(Status::Found),
            Ok(Message::Notification(note)) => hear(&mut session, note),
            Ok(Message::Response(_)) => {}
            Err(true) => tell(connection, &mut session),
            Err(false) => return Ok(Status::Found),
        }
    }
}

fn hear(session: &mut Session<'_>, note: Notification) {
    // What cannot be read is left alone: the protocol has no answer to a notification.
    match note.method.as_str() {
        "textDocument/didOpen" => _ = params(note.params).map(|open| session.open(open)),
        "textDocument/didChange" => _ = params(note.params).map(|change| session.change(change)),
        "textDocument/didClose" => _ = params(note.params).map(|close| session.close(close)),
        "textDocument/didSave" | "workspace/didChangeWatchedFiles" => session.forget(),
        _ => {}
    }
}

fn answer(session: &Session<'_>, request: Request) -> Response {
    let Request { id, method, params: given } = request;
    let result = match method.as_str() {
        "textDocument/codeAction" => params(given).map(|asked| serde_json::to_value(actions::offered(session, &asked))),
        "textDocument/hover" => params(given).map(|asked| serde_json::to_value(hover::shown(session, &asked))),
        _ => return Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("proxylint has no {method}")),
    };
    match result {
        Ok(Ok(result)) => Response::new_ok(id, result),
        Ok(Err(error)) => Response::new_err(id, ErrorCode::InternalError as i32, error.to_string()),
        Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}

/// Lints what is stale and publishes what is new.
fn tell(connection: &Connection, session: &mut Session<'_>) {
    for note in session.refresh() {
        send(connection, Message::Notification(note));
    }
}

/// An editor that is gone is noticed by the next read.
fn send(connection: &Connection, message: Message) {
    let _ = connection.sender.send(message);
}

fn params<T: DeserializeOwned>(given: Value) -> serde_json::Result<T> {
    serde_json::from_value(given)
}

/// Bytes where the editor counts in them, and else what every editor knows.
fn encoding(client: &Value) -> Encoding {
    let offered = client.pointer("/capabilities/general/positionEncodings").and_then(Value::as_array);
    let takes_bytes = offered.is_some_and(|encodings| encodings.iter().any(|encoding| encoding == "utf-8"));
    if takes_bytes { Encoding::Utf8 } else { Encoding::Utf16 }
}

/// The folder that the editor works in: the first one where there are several.
fn workspace(client: &Value) -> Option<std::path::PathBuf> {
    let folder = client.pointer("/workspaceFolders/0/uri").or_else(|| client.get("rootUri"));
    let path = uri::path(folder?.as_str()?)?;
    path.is_dir().then_some(path)
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Full),
        save: Some(Save::Bool(true)),
        ..TextDocumentSyncOptions::default()
    };
    let kinds = vec![CodeActionKind::QuickFix, CodeActionKind::SourceFixAll];
    let actions = CodeActionOptions { code_action_kinds: Some(kinds), ..CodeActionOptions::default() };
    ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSync::Options(sync)),
        hover_provider: Some(HoverProvider::Bool(true)),
        code_action_provider: Some(CodeActionProvider::CodeActionOptions(actions)),
        ..ServerCapabilities::default()
    }
}

/// Asks to be told of files that change outside of the editor.
fn watch() -> Message {
    let patterns = [format!("**/{}", config::NAME), "**/*.{conf,cfg,inc,vhost,htaccess}".to_owned()];
    let watcher = |pattern: String| FileSystemWatcher { glob_pattern: GlobPattern::Pattern(Pattern::from(pattern)), kind: None };
    let options = DidChangeWatchedFilesRegistrationOptions { watchers: patterns.map(watcher).into() };
    let registration = Registration {
        id: "files".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: serde_json::to_value(options).and_then(serde_json::from_value).ok(),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    Message::Request(Request::new("files".to_owned().into(), "client/registerCapability".to_owned(), params))
}
