//! What httpd does with a request, hook by hook in its own order (`ap_read_request` in `server/protocol.c`,
//! `ap_process_request_internal` in `server/request.c`).

mod access;
mod authn;
mod dav;
mod error;
mod fixups;
mod handler;
mod host;
mod maps;
mod negotiate;
mod proxy;
mod request;
mod rewrite;
mod security;
mod spelling;
mod storage;
mod subrequest;
mod translate;
mod url;
mod user;
mod values;
mod walk;

use std::borrow::Cow;
use std::sync::Arc;

use self::url::Url;
pub(super) use self::url::encode_path;
use self::values::Value;
use super::site::section::DirConfig;
use super::site::{ApacheSite, Server};
use crate::ask::Ask;
use crate::http::{Answer, MethodSet, Part, Step, Verdict};
use crate::modsecurity::Transaction;
use crate::source::Span;

pub(super) fn decide(site: &ApacheSite, ask: &mut Ask<'_>) -> Verdict {
    let mut run = Run {
        site,
        ask,
        server: site.main(),
        fixed_method: None,
        outer_method: None,
        steps: Vec::new(),
        decided: None,
        mapping: Mapping::default(),
        user: authn::User::default(),
        subrequest: false,
        checked: Vec::new(),
        loops: 0,
        mapped_by: None,
        transaction: Transaction::default(),
    };
    let end = run.request();
    let answer = run.answer(end);
    let Run { steps, decided, .. } = run;
    Verdict { answer, steps, decided_by: decided }
}

/// How a phase ends that does not hand on to the next one.
#[derive(Debug)]
enum End {
    /// httpd answers with this status; an error document may still change it.
    Status(u16),
    /// A redirect of mod_rewrite, which takes the request for a good one: it shows even in the place of an error page.
    Rewritten(u16),
    /// A status before the request is far enough for error documents of its sections.
    Early(u16),
    Forward {
        to: Arc<str>,
        target: Option<Arc<str>>,
    },
    /// Start over with another path, as an internal redirect does.
    Again(String),
    /// Anything else, as it is.
    Answer(Answer),
}

/// A phase hands on with `Ok`.
type Phase<T = ()> = Result<T, End>;

/// Which walk brought a config into the stack; httpd merges those of one walk first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Defaults,
    Storage,
    Files,
    Location,
    If(u8),
}

/// What a path leads to, as far as httpd has looked (the part of its `request_rec` that a subrequest has for itself).
#[derive(Clone, Default)]
struct Mapping<'s> {
    url: Url,
    /// The sections that the request meets, outermost first.
    stack: Vec<(Layer, &'s DirConfig)>,
    /// The file that the request is mapped to, where nothing proxies it.
    filename: String,
    /// What follows the file's name in the path.
    path_info: String,
    /// The path that a rule of a section made: the handler starts over with it.
    inner_redirect: Option<String>,
    /// The URL that it is proxied to.
    proxied: Option<String>,
    /// Whether the URL goes on without being encoded anew.
    as_it_is: bool,
    /// Whether mod_rewrite already made a file of the path.
    local: bool,
    /// The path and the folder of the alias that mapped the request.
    context: Option<(&'s str, &'s str)>,
    /// The handler that a rewrite rule names.
    handler: Option<String>,
    script_alias: Option<Span>,
    /// What rewrite rules set.
    env: Vec<(String, Option<Value>)>,
    /// Whether `[END]` has stopped mod_rewrite.
    ended: bool,
    /// The `ProxyPass … !` that took the request off the proxy.
    excluded: Option<usize>,
}

/// One request on its way.
struct Run<'s, 'r, 'a> {
    site: &'s ApacheSite,
    ask: &'r mut Ask<'a>,
    server: &'s Server,
    /// After an error document has turned the request into a GET.
    fixed_method: Option<MethodSet>,
    /// The fixed method of the request that a subrequest belongs to.
    outer_method: Option<MethodSet>,
    steps: Vec<Step>,
    decided: Option<usize>,
    /// What the path leads to so far.
    mapping: Mapping<'s>,
    user: authn::User,
    /// Whether this is only a look at what another path would be.
    subrequest: bool,
    /// The sections of the request that this look is for, whose access was checked.
    checked: Vec<(Layer, &'s DirConfig)>,
    /// Internal redirects so far.
    loops: usize,
    /// The directive that mapped the request to a file.
    mapped_by: Option<(&'static str, Span)>,
    /// What ModSecurity remembers of the request.
    transaction: Transaction,
}

impl<'s> Run<'s, '_, '_> {
    /// `LimitInternalRecursion`.
    const MAX_LOOPS: usize = 10;

    fn method_is(&mut self, set: MethodSet) -> bool {
        match self.fixed_method {
            Some(method) => set.meets(method),
            None => self.ask.method_is(set),
        }
    }

    /// The same for variables of the environment, which a subrequest has from the request itself.
    fn env_method_is(&mut self, set: MethodSet) -> bool {
        match (self.subrequest, self.outer_method) {
            (true, None) => self.ask.method_is(set),
            (true, Some(method)) => set.meets(method),
            (false, _) => self.method_is(set),
        }
    }

    /// A header of the request as it is after `RequestHeader … early`.
    fn header(&mut self, name: &str) -> Option<Arc<str>> {
        let (site, server) = (self.site, self.server);
        let own = if std::ptr::eq(server, site.main()) { &[][..] } else { &server.early_headers[..] };
        let mut edits = site.main().early_headers.iter().chain(own).rev().filter(|edit| edit.name.eq_ignore_ascii_case(name));
        match edits.next() {
            Some(edit) if edit.if_empty => self.ask.header(name).or_else(|| edit.value.clone()),
            Some(edit) => edit.value.clone(),
            None => self.ask.header(name),
        }
    }

    fn has(&self, module: &str) -> bool {
        self.site.config.modules.has(module)
    }

    fn step(&mut self, phase: &'static str, directive: &'static str, span: Span, note: impl Into<Cow<'static, str>>) -> usize {
        self.steps.push(Step { phase, directive: Cow::Borrowed(directive), span, note: note.into(), part: Part::Says });
        self.steps.len() - 1
    }

    /// The last step that a directive took.
    fn last_step(&self, directive: &str) -> Option<usize> {
        self.steps.iter().rposition(|step| step.directive == directive)
    }

    /// Tells what part the last step has.
    fn plays(&mut self, part: Part) {
        if let Some(step) = self.steps.last_mut() {
            step.part = part;
        }
    }

    /// A step that decides the answer.
    fn decided<T>(&mut self, phase: &'static str, directive: &'static str, span: Span, note: &'static str, end: End) -> Phase<T> {
        let step = self.step(phase, directive, span, note);
        self.decided = Some(step);
        Err(end)
    }

    /// The innermost section that sets a thing.
    fn innermost<T>(&self, of: impl Fn(&'s DirConfig) -> Option<T>) -> Option<T> {
        self.mapping.stack.iter().rev().find_map(|(_, config)| of(config))
    }

    fn answer(&self, end: End) -> Answer {
        match end {
            // Clients take these for the news that an answer will come; none does.
            End::Status(100 | 102 | 103) => Answer::Close,
            End::Status(status) | End::Rewritten(status) | End::Early(status) => Answer::respond(status),
            End::Forward { to, target } => {
                let method = match self.fixed_method {
                    None => crate::http::UpstreamMethod::Unchanged,
                    Some(_) => crate::http::UpstreamMethod::Replaced("GET".into()),
                };
                Answer::Forward { to, method, target, status: None }
            }
            End::Answer(answer) => answer,
            // A loop that never ends is httpd's own error.
            End::Again(_) => Answer::respond(500),
        }
    }

    /// From the request line to the handler.
    fn request(&mut self) -> End {
        if let Err(end) = self.read_request().and_then(|()| self.security_headers()) {
            return self.error_document(end);
        }
        let end = self.process();
        self.error_document(end)
    }

    /// From the path to the handler, over and over where internal redirects lead to other paths.
    fn process(&mut self) -> End {
        loop {
            let end = match self.process_once() {
                Err(end) => end,
                Ok(()) => match self.invoke_handler() {
                    Err(end) => end,
                    Ok(()) => End::Status(404),
                },
            };
            let End::Again(target) = end else { return end };
            self.loops += 1;
            if self.loops > Self::MAX_LOOPS {
                return End::Status(500);
            }
            self.restart(&target);
        }
    }

    fn process_once(&mut self) -> Phase {
        self.unescape()?;
        self.walk_locations();
        self.translate_name()?;
        self.map_to_storage()?;
        self.walk_locations_again();
        self.check_access()?;
        self.fixups()
    }

    /// Turns to another path; what rewrite rules set remains.
    fn restart(&mut self, target: &str) {
        let Mapping { env, ended, excluded, .. } = std::mem::take(&mut self.mapping);
        self.mapping = Mapping { url: Url::of_redirect(target), env, ended, excluded, ..Mapping::default() };
        self.mapped_by = None;
    }
}
