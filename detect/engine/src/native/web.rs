//! Requests to web servers.

use std::sync::Arc;

use sekisho_model::{Column, Entity, EntityKind, EventBatch};

/// The name of a virtual host that the log does not name.
const UNNAMED: &str = "-";

/// The longest address that is read, in bytes.
const URL_BYTES_MAX: usize = 8_192;

/// How often an address is decoded: attackers encode twice, so that what looks once sees nothing.
const DECODED: usize = 2;

/// Endings of files that are sent as they lie there.
const STATIC: [&str; 16] = [
    ".avif", ".css", ".eot", ".gif", ".ico", ".jpeg", ".jpg", ".js", ".map", ".mp4", ".png", ".svg", ".ttf", ".webp",
    ".woff", ".woff2",
];

/// A request, decoded and in lower case.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The virtual host.
    pub(super) site: &'a str,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) status: i64,
    pub(super) bytes: Option<i64>,
    /// `GET`, `POST` and so on.
    pub(super) method: &'a str,
}

impl<'a> Request<'a> {
    /// The request of a row.
    pub(super) fn of(batch: &'a EventBatch, row: usize) -> Option<Self> {
        let url = batch.text(Column::Url, row).filter(|url| url.len() <= URL_BYTES_MAX)?;
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Some(Self {
            site: batch.text(Column::DstHost, row).unwrap_or(UNNAMED),
            path: decoded(path),
            query: decoded(query),
            status: batch.int(Column::HttpStatus, row)?,
            bytes: batch.int(Column::BytesOut, row),
            method: batch.text(Column::Action, row).unwrap_or_default(),
        })
    }

    /// Whether the server did what it was asked.
    pub(super) fn is_answered(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is for a file that is sent as it lies there.
    pub(super) fn is_static(&self) -> bool {
        STATIC.iter().any(|ending| self.path.ends_with(ending))
    }
}

/// Who asked.
pub(super) fn source(batch: &EventBatch, row: usize) -> Option<Entity> {
    Some(Entity {
        kind: EntityKind::Source,
        name: Arc::from(batch.text(Column::SrcIp, row)?),
    })
}

/// Decodes a part of an address, in lower case. What is no text becomes a replacement character.
fn decoded(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..DECODED {
        if !bytes.contains(&b'%') {
            break;
        }
        bytes = decoded_once(&bytes);
    }
    String::from_utf8_lossy(&bytes).replace('+', " ").to_lowercase()
}

fn decoded_once(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let byte = code
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_twice_is_seen() {
        for (text, expected) in [
            ("/a%2Fb", "/a/b"),
            ("/%252e%252e%252fetc", "/../etc"),
            ("/%25252e", "/%2e"),
            ("/100%", "/100%"),
            ("/%zz%4", "/%zz%4"),
            ("a+B", "a b"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }
}
