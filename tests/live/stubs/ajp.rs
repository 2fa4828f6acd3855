//! An AJP 1.3 container (the Apache Tomcat Connectors' AJP Protocol Reference).

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::Stubs;

/// The methods with a code of their own, which counts from 1.
const METHODS: &[&str] = &[
    "OPTIONS",
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "ACL",
    "REPORT",
    "VERSION-CONTROL",
    "CHECKIN",
    "CHECKOUT",
    "UNCHECKOUT",
    "SEARCH",
    "MKWORKSPACE",
    "UPDATE",
    "LABEL",
    "MERGE",
    "BASELINE-CONTROL",
    "MKACTIVITY",
];

const FORWARD_REQUEST: u8 = 2;
const CPING: u8 = 10;
/// The attribute that holds a method without a code.
const STORED_METHOD: u8 = 13;

pub(super) fn answer(mut connection: TcpStream, port: u16, stubs: &Stubs) -> io::Result<()> {
    loop {
        let packet = read(&mut connection)?;
        match packet[..] {
            [CPING, ..] => write(&mut connection, &[9])?,
            [FORWARD_REQUEST, code, ref rest @ ..] => {
                let (method, target) = request(code, rest);
                stubs.note(port, method, target);
                respond(&mut connection, port)?;
            }
            // A body that follows the request is not needed for the answer.
            _ => {}
        }
    }
}

fn read(connection: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    connection.read_exact(&mut head)?;
    let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
    connection.read_exact(&mut packet)?;
    Ok(packet)
}

fn write(connection: &mut TcpStream, packet: &[u8]) -> io::Result<()> {
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?.to_be_bytes();
    connection.write_all(&[b"AB", &length[..], packet].concat())
}

/// Method and target; a method without a code reads `stored:` and its name.
fn request(code: u8, rest: &[u8]) -> (String, String) {
    let target = string(rest).and_then(|(_, rest)| string(rest)).map_or(String::new(), |(target, _)| target);
    let method = match METHODS.get(usize::from(code).wrapping_sub(1)) {
        Some(method) => (*method).to_owned(),
        None if code == 0xff => format!("stored:{}", stored_method(rest).unwrap_or_else(|| "?".into())),
        None => format!("#{code}"),
    };
    (method, target)
}

/// A string: its length in two bytes, its bytes, and a zero byte.
fn string(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    let length = u16::from_be_bytes([length[0], length[1]]);
    if length == u16::MAX {
        return Some((String::new(), rest));
    }
    let (text, rest) = rest.split_at_checked(usize::from(length))?;
    Some((String::from_utf8_lossy(text).into_owned(), rest.get(1..)?))
}

fn stored_method(bytes: &[u8]) -> Option<String> {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == STORED_METHOD);
    let texts = starts.filter_map(|(at, _)| string(&bytes[at + 1..])).map(|(text, _)| text);
    texts.into_iter().find(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-'))
}

fn respond(connection: &mut TcpStream, port: u16) -> io::Result<()> {
    let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes(), &[0]].concat();
    let head =
        [&[4][..], &200u16.to_be_bytes(), &text("OK"), &1u16.to_be_bytes(), &text("X-Stub"), &text(&port.to_string())].concat();
    let body = [&[3][..], &text("ok")].concat();
    [&head[..], &body, &[5, 1]].into_iter().try_for_each(|packet| write(connection, packet))
}
