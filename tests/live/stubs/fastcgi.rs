//! A FastCGI responder for one request a connection (FastCGI specification 1.0, section 3).

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::Stubs;

const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;

struct Record {
    kind: u8,
    request: [u8; 2],
    content: Vec<u8>,
}

pub(super) fn answer(mut connection: TcpStream, port: u16, stubs: &Stubs) -> io::Result<()> {
    let mut params = Vec::new();
    let request = loop {
        let record = read(&mut connection)?;
        match record.kind {
            PARAMS => params.extend(record.content),
            STDIN if record.content.is_empty() => break record.request,
            _ => {}
        }
    };
    let pairs = pairs(&params);
    let param = |name: &str| pairs.iter().rev().find(|(known, _)| known == name).map_or("", |(_, value)| value).to_owned();
    let method = param("REQUEST_METHOD");
    let content = format!("Status: 200 OK\r\nX-Stub: {port}\r\nContent-Type: text/plain\r\n\r\n{method}");
    stubs.note(port, method, param("REQUEST_URI"));
    let parts = [(STDOUT, content.as_bytes()), (STDOUT, b""), (END_REQUEST, &[0; 8])];
    parts.into_iter().try_for_each(|(kind, content)| write(&mut connection, kind, request, content))
}

fn read(connection: &mut TcpStream) -> io::Result<Record> {
    let mut head = [0; 8];
    connection.read_exact(&mut head)?;
    let [_, kind, high, low, length_high, length_low, padding, _] = head;
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    let mut content = vec![0; length + usize::from(padding)];
    connection.read_exact(&mut content)?;
    content.truncate(length);
    Ok(Record { kind, request: [high, low], content })
}

fn write(connection: &mut TcpStream, kind: u8, request: [u8; 2], content: &[u8]) -> io::Result<()> {
    let length = u16::try_from(content.len()).map_err(io::Error::other)?.to_be_bytes();
    connection.write_all(&[1, kind, request[0], request[1], length[0], length[1], 0, 0])?;
    connection.write_all(content)
}

/// Names and values, each with its length in one or four bytes before it.
fn pairs(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while let Some((name, value, rest)) = pair(bytes) {
        pairs.push((name, value));
        bytes = rest;
    }
    pairs
}

fn pair(bytes: &[u8]) -> Option<(String, String, &[u8])> {
    let (name, rest) = length(bytes)?;
    let (value, rest) = length(rest)?;
    let (name, rest) = rest.split_at_checked(name)?;
    let (value, rest) = rest.split_at_checked(value)?;
    Some((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned(), rest))
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [first, rest @ ..] if *first < 0x80 => Some((usize::from(*first), rest)),
        [a, b, c, d, rest @ ..] => Some((u32::from_be_bytes([a & 0x7f, *b, *c, *d]) as usize, rest)),
        _ => None,
    }
}
