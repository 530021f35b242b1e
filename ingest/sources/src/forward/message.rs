//! The messages of the forward protocol, and the entries in them.
//!
//! | mode | message |
//! |---|---|
//! | Message | `[tag, time, map, option?]` |
//! | Forward | `[tag, [entry, …], option?]` |
//! | Packed forward | `[tag, entries one after the other as text or binary, option?]` |
//!
//! An entry is `[time, map]`. `option` may have `chunk`, which is to be acknowledged, and
//! `compressed`. As in the Forward Protocol Specification v1.5 of Fluentd.

use super::msgpack::{Reader, Token, Unreadable};
use crate::packing::Packing;

/// The longest tag, in bytes. It stands in each of its records, so a long one would be a bomb.
const TAG_BYTES_MAX: usize = 1_024;

/// A message; it refers to where it lies.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    pub(super) tag: String,
    pub(super) entries: Entries<'a>,
    /// The identity of the chunk, as `MessagePack`: what it is answered with.
    pub(super) chunk: Option<&'a [u8]>,
}

/// Where the entries are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entries<'a> {
    /// The time and the map of the only one.
    One { time: &'a [u8], map: &'a [u8] },
    /// So many, one after the other.
    Many { left: u32, entries: Reader<'a> },
    /// As many as there are.
    Packed(&'a [u8]),
    /// The same, packed.
    Compressed(Packing, &'a [u8]),
}

/// Why a message is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotForward {
    #[error("a message is not of the forward protocol: expected [tag, time, record] or [tag, entries]")]
    Shape,
    #[error("a tag of {0} bytes, expected {TAG_BYTES_MAX} or fewer")]
    Tag(usize),
    #[error("a message is compressed as {0:?}, expected gzip or zstd")]
    Compression(String),
}

impl From<Unreadable> for NotForward {
    fn from(_: Unreadable) -> Self {
        Self::Shape
    }
}

/// Takes a message apart.
pub(super) fn parse(message: &[u8]) -> Result<Message<'_>, NotForward> {
    let mut reader = Reader::new(message);
    let Token::Array(count @ 2..=4) = reader.token()? else {
        return Err(NotForward::Shape);
    };
    let (Token::Text(tag) | Token::Binary(tag)) = reader.token()? else {
        return Err(NotForward::Shape);
    };
    if TAG_BYTES_MAX < tag.len() {
        return Err(NotForward::Tag(tag.len()));
    }
    let second = reader.value()?;
    let (entries, used) = match Reader::new(second).token()? {
        Token::Text(entries) | Token::Binary(entries) => (Entries::Packed(entries), 2),
        Token::Array(_) if !is_time_with_metadata(second) => (many(second)?, 2),
        _ if count < 3 => return Err(NotForward::Shape),
        _ => (
            Entries::One {
                time: second,
                map: reader.value()?,
            },
            3,
        ),
    };
    let option = if used < count { Some(reader.value()?) } else { None };
    let options = option.map(options).transpose()?.unwrap_or_default();
    let entries = match (entries, options.compressed) {
        (Entries::Packed(packed), Some(packing)) => Entries::Compressed(packing, packed),
        (entries, _) => entries,
    };
    Ok(Message {
        tag: String::from_utf8_lossy(tag).into_owned(),
        entries,
        chunk: options.chunk,
    })
}

fn many(array: &[u8]) -> Result<Entries<'_>, NotForward> {
    let mut entries = Reader::new(array);
    let Token::Array(left) = entries.token()? else {
        return Err(NotForward::Shape);
    };
    Ok(Entries::Many { left, entries })
}

/// Whether this is what Fluent Bit has in the place of a time, `[time, {…}]`: entries are arrays.
fn is_time_with_metadata(array: &[u8]) -> bool {
    let mut reader = Reader::new(array);
    matches!(reader.token(), Ok(Token::Array(2))) && !matches!(reader.token(), Ok(Token::Array(_)))
}

#[derive(Debug, Default)]
struct Options<'a> {
    chunk: Option<&'a [u8]>,
    compressed: Option<Packing>,
}

/// The options that matter; others are hints.
fn options(option: &[u8]) -> Result<Options<'_>, NotForward> {
    let mut options = Options::default();
    let mut reader = Reader::new(option);
    let pairs = match reader.token()? {
        Token::Map(pairs) => pairs,
        Token::Nil => 0,
        _ => return Err(NotForward::Shape),
    };
    for _ in 0..pairs {
        let (key, value) = (Reader::new(reader.value()?).token()?, reader.value()?);
        let text = match Reader::new(value).token()? {
            Token::Text(text) | Token::Binary(text) => Some(text),
            _ => None,
        };
        match (key, text) {
            (Token::Text(b"chunk"), Some(_)) => options.chunk = Some(value),
            (Token::Text(b"compressed"), Some(text)) => options.compressed = compression(text)?,
            _ => {}
        }
    }
    Ok(options)
}

fn compression(name: &[u8]) -> Result<Option<Packing>, NotForward> {
    match name {
        b"text" => Ok(None),
        b"gzip" => Ok(Some(Packing::Gzip)),
        b"zstd" => Ok(Some(Packing::Zstd)),
        other => Err(NotForward::Compression(String::from_utf8_lossy(other).into_owned())),
    }
}
