//! A sender over HTTP, one connection a request.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::PATIENCE;

/// What the program answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// `POST`s a body. An error means that there was no whole answer.
pub(crate) fn post(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    exchange(to, "POST", path, headers, body)
}

/// `GET`s a page.
pub(crate) fn get(to: SocketAddr, path: &str) -> io::Result<Answer> {
    exchange(to, "GET", path, &[], b"")
}

/// `GET`s a page of text.
pub(crate) fn get_text(to: SocketAddr, path: &str, headers: &[(&str, &str)]) -> io::Result<(u16, String)> {
    exchange_text(to, "GET", path, headers, b"")
}

fn exchange(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let (status, body) = exchange_text(to, method, path, headers, body)?;
    let not_json = || io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer: {body:?}"));
    let body = serde_json::from_str(&body).map_err(|_| not_json())?;
    Ok(Answer { status, body })
}

fn exchange_text(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let cut_off = || io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut_off)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(cut_off)?;
    Ok((status, body.to_owned()))
}

/// Packs a body.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}
