//! An HTTP/1 upstream for one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::Stubs;

pub(super) fn answer(connection: TcpStream, port: u16, stubs: &Stubs) -> io::Result<()> {
    let mut input = BufReader::new(connection.try_clone()?);
    let mut first = String::new();
    if input.read_line(&mut first)? == 0 {
        return Ok(());
    }
    // An empty method is one that a proxy sent; it must not shift the other words.
    let mut words = first.trim_end().split(' ');
    let (method, target) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
    let (length, chunked) = headers(&mut input)?;
    if chunked {
        skip_chunks(&mut input)?;
    } else {
        io::copy(&mut input.take(length), &mut io::sink())?;
    }
    let body = format!("{method} {target}\n");
    stubs.note(port, method.clone(), target);
    let (status, allow) = match port {
        18088 => ("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
        18089 => ("501 Not Implemented", ""),
        _ => ("200 OK", ""),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nX-Stub: {port}\r\n{allow}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut output = connection;
    output.write_all(head.as_bytes())?;
    if method == "HEAD" { Ok(()) } else { output.write_all(body.as_bytes()) }
}

/// The length of the body, and whether it comes in chunks.
fn headers(input: &mut impl BufRead) -> io::Result<(u64, bool)> {
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { return Ok((length, chunked)) };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = value.to_ascii_lowercase().contains("chunked"),
            _ => {}
        }
    }
}

fn skip_chunks(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16).unwrap_or(0);
        // The line end behind the chunk is skipped along with it.
        io::copy(&mut input.take(length + 2), &mut io::sink())?;
        if length == 0 {
            return Ok(());
        }
    }
}
