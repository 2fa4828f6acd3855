//! Sends a request byte for byte as it is written, whatever its method.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::case::Request;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Response {
    /// `None` where the connection was closed without a response.
    pub(crate) status: Option<u16>,
    headers: Vec<(String, String)>,
}

impl Response {
    /// The last header of this name, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

pub(crate) fn send(request: &Request) -> io::Result<Response> {
    let mut connection = TcpStream::connect(("127.0.0.1", request.port))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(&written(request))?;
    let mut received = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
            // A server that refuses a body may close while it is sent.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => break,
            Err(error) if received.is_empty() => return Err(error),
            Err(_) => break,
        }
        // A tunnel stays open behind its response.
        if request.method == "CONNECT" && received.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    Ok(response(&received))
}

fn written(request: &Request) -> Vec<u8> {
    let mut headers = vec![("Host".to_owned(), request.host.clone()), ("Connection".to_owned(), Some("close".to_owned()))];
    for (name, value) in &request.headers {
        match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some(known) => known.1.clone_from(value),
            None => headers.push((name.clone(), value.clone())),
        }
    }
    let says_length = |name: &str| name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding");
    if !request.body.is_empty() && !headers.iter().any(|(name, _)| says_length(name)) {
        headers.push(("Content-Length".to_owned(), Some(request.body.len().to_string())));
    }
    let mut text = format!("{} {} HTTP/{}\r\n", request.method, request.target, request.version);
    for (name, value) in headers {
        if let Some(value) = value {
            text += &format!("{name}: {value}\r\n");
        }
    }
    (text + "\r\n" + &request.body).into_bytes()
}

/// The first response that is not an interim one.
fn response(received: &[u8]) -> Response {
    let text = String::from_utf8_lossy(received);
    let mut rest = &*text;
    loop {
        let (head, behind) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or("");
        let status = first.strip_prefix("HTTP/").and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        if status.is_some_and(|status: u16| (100..200).contains(&status) && status != 101) && !behind.is_empty() {
            rest = behind;
            continue;
        }
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        return Response { status, headers: headers.collect() };
    }
}
