//! `proxylint trace`: what happens to a request.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use clap::Args;

use super::options::{Common, Machinery, Rendering};
use super::settings::Settings;
use super::{Failure, Status};
use crate::http::Request;
use crate::lint::{Input, Loaded};
use crate::report;
use crate::report::style::Palette;
use crate::trace;

#[derive(Args)]
pub(super) struct TraceOptions {
    /// The main file of the config.
    config: PathBuf,
    /// Where the request goes: http://host:port/path.
    url: Option<String>,
    /// The method of the request.
    #[arg(short = 'X', long = "method", value_name = "METHOD", default_value = "GET")]
    method: String,
    /// A header of the request.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The body of the request.
    #[arg(long, value_name = "TEXT", default_value = "")]
    data: String,
    /// The client's address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    client: String,
    /// Requests as JSON, one object a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
    /// Look up on this machine which files exist below document roots.
    #[arg(long)]
    disk: bool,
    /// The status that upstreams answer with.
    #[arg(long, value_name = "STATUS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(100..=599))]
    upstream_status: u16,
    #[arg(long, value_enum, default_value_t)]
    format: Rendering,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(options: &TraceOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let requests = requests(options)?;
    let project = Settings::load(options.common.settings_file.as_deref(), &options.config)?;
    let mut machinery = Machinery::new(&options.common, &project)?;
    machinery.settings.upstream_status = Some(options.upstream_status);
    let input = Input::file(&options.config);
    let server = machinery.server(&options.common, &input)?;
    let task = |methods| machinery.task(&options.common, server, methods);
    let read = |methods| Loaded::read(machinery.machine(), server, std::slice::from_ref(&input), &task(methods));
    let place = machinery.rooted();
    let palette = Palette::new(options.common.is_colored());
    let mut written = Ok(());
    let mut first = true;
    trace::all(&requests, options.disk.then_some(&place), read, |loaded, traced| {
        let blank = matches!(options.format, Rendering::Human) && !std::mem::take(&mut first);
        let write = |out: &mut dyn Write| match options.format {
            Rendering::Json => report::json::trace(&traced, &loaded.sources, out),
            Rendering::Human => {
                out.write_all(if blank { b"\n" } else { b"" })?;
                report::trace::human(&traced, &loaded.sources, palette, out)
            }
        };
        if written.is_ok() {
            written = write(out);
        }
    })?;
    written?;
    Ok(Status::Clean)
}

fn requests(options: &TraceOptions) -> Result<Vec<Request>, Failure> {
    let mut requests = match &options.requests {
        Some(path) if path.as_os_str() == "-" => parse(io::stdin().lock(), "standard input")?,
        Some(path) => {
            let name = path.display().to_string();
            let file = std::fs::File::open(path).map_err(|source| Failure::Read { what: name.clone(), source })?;
            parse(BufReader::new(file), &name)?
        }
        None => Vec::new(),
    };
    if let Some(url) = &options.url {
        requests.push(from_url(url, options)?);
    }
    if requests.is_empty() && options.requests.is_none() { Err(Failure::NoRequest) } else { Ok(requests) }
}

fn parse(lines: impl BufRead, name: &str) -> Result<Vec<Request>, Failure> {
    let mut requests = Vec::new();
    for (index, line) in lines.lines().enumerate() {
        let line = line.map_err(|source| Failure::Read { what: name.to_owned(), source })?;
        if line.trim().is_empty() {
            continue;
        }
        let what = || format!("line {} of {name}", index + 1);
        let request: Request = serde_json::from_str(&line).map_err(|source| Failure::Request { what: what(), source })?;
        if request.method.is_empty() {
            return Err(Failure::Misuse { what: what(), why: "the method is empty".to_owned() });
        }
        requests.push(request);
    }
    Ok(requests)
}

/// A request as curl would send it: the host and port of the URL choose the listener, and are the Host header unless `-H` says
/// otherwise.
fn from_url(url: &str, options: &TraceOptions) -> Result<Request, Failure> {
    let wrong = || Failure::Url(url.to_owned());
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    if !matches!(scheme, "http" | "https") {
        return Err(wrong());
    }
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port.parse::<u16>().map_err(|_| wrong())?)),
        _ => (authority, None),
    };
    if name.is_empty() || authority.contains(char::is_whitespace) {
        return Err(wrong());
    }
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let mut request = Request {
        method: options.method.clone().into(),
        scheme: scheme.to_owned().into(),
        host: Some(authority.to_owned()),
        port: port.unwrap_or(if scheme == "https" { 443 } else { 80 }),
        target: if target.starts_with('/') { target.to_owned() } else { format!("/{target}") },
        client: options.client.clone().into(),
        body: options.data.clone(),
        ..Request::default()
    };
    if bare.parse::<std::net::IpAddr>().is_ok() {
        request.address = bare.to_owned().into();
    }
    for header in &options.headers {
        let (name, value) = header.split_once(':').ok_or_else(|| Failure::Misuse {
            what: format!("the header `{header}`"),
            why: "write it as `Name: value`".to_owned(),
        })?;
        if name.trim().eq_ignore_ascii_case("host") {
            request.host = Some(value.trim().to_owned());
        } else {
            request.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(request)
}
