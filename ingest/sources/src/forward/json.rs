//! From an entry of the forward protocol to the JSON of a record.
//!
//! The map of the entry becomes an object. What the protocol knows beside it is added at the end,
//! unless the map has such a key itself: `@timestamp` (RFC 3339, in UTC), `@metadata` (of Fluent Bit,
//! if it says anything) and `@tag`.

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Timestamp;

use super::msgpack::{Reader, Token, Unreadable};
use crate::http::RECORDS_MAX;
use crate::lines::{RECORD_BYTES_MAX, cut};

/// How deep values may lie in each other; deeper ones are read by none of the formats either.
const DEPTH_MAX: usize = 64;

const TIME_KEY: &str = "@timestamp";
const METADATA_KEY: &str = "@metadata";
const TAG_KEY: &str = "@tag";

/// The type of the extension that is a time: seconds and nanoseconds, 4 bytes each.
const EVENT_TIME: i8 = 0;

/// The record of an entry, `[time, map]` or `[[time, metadata], map]`. An entry that is neither is
/// kept as it came, and then is a record that no format reads.
pub(super) fn record(entry: &[u8], tag: &str) -> Vec<u8> {
    written(entry, Some(tag))
}

/// The record of an entry that came without a tag. Some senders leave out the time too, so that only the map is there.
pub(crate) fn record_of_entry(entry: &[u8]) -> Vec<u8> {
    let mut text = Text::default();
    match Reader::new(entry).token() {
        Ok(Token::Map(_)) if write_value(&mut Reader::new(entry), &mut text, 1).is_ok() => text.0,
        _ => written(entry, None),
    }
}

/// The entries that follow each other without anything between; `None` if the bytes begin with none. What is no
/// `MessagePack` any more is the last entry. Where the sender does not say that it `is_msgpack`, a map alone is not
/// taken for it: text of `Shift_JIS` may begin like one.
pub(crate) fn entries(bytes: &[u8], is_msgpack: bool) -> Option<Vec<&[u8]>> {
    let is_map = matches!(Reader::new(bytes).token(), Ok(Token::Map(_)));
    let is_entry = begins_with_entry(bytes) || (is_msgpack && is_map);
    if !is_entry {
        return None;
    }
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    while !reader.rest().is_empty() {
        let rest = reader.rest();
        let entry = reader.value();
        entries.push(entry.unwrap_or(rest));
        if entry.is_err() || RECORDS_MAX < entries.len() {
            break;
        }
    }
    Some(entries)
}

/// Whether there is an entry at the beginning: a time, with metadata or without, and a map with names.
fn begins_with_entry(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let Ok(Token::Array(2)) = reader.token() else {
        return false;
    };
    let (Ok(time), Ok(map)) = (reader.value(), reader.value()) else {
        return false;
    };
    let is_time = matches!(
        Reader::new(time).token(),
        Ok(Token::Unsigned(_) | Token::Signed(_) | Token::Float(_) | Token::Extension(..) | Token::Array(2))
    );
    let mut map = Reader::new(map);
    is_time && matches!(map.token(), Ok(Token::Map(_))) && matches!(map.token(), Err(_) | Ok(Token::Text(_)))
}

fn written(entry: &[u8], tag: Option<&str>) -> Vec<u8> {
    let mut text = Text::default();
    let written = write_entry(entry, tag, &mut text);
    if written.is_ok() { text.0 } else { cut(entry).to_vec() }
}

/// The record of a message that carries its only entry itself.
pub(super) fn record_of(time: &[u8], map: &[u8], tag: &str) -> Vec<u8> {
    const ARRAY_OF_TWO: u8 = 0x92;
    record(&[&[ARRAY_OF_TWO], time, map].concat(), tag)
}

fn write_entry(entry: &[u8], tag: Option<&str>, text: &mut Text) -> Result<(), Unreadable> {
    let mut reader = Reader::new(entry);
    let Token::Array(2) = reader.token()? else {
        return Err(Unreadable);
    };
    let (time, metadata) = time(reader.value()?)?;
    let mut map = Reader::new(reader.value()?);
    let Token::Map(pairs) = map.token()? else {
        return Err(Unreadable);
    };
    let mut added = [(TIME_KEY, time), (METADATA_KEY, metadata), (TAG_KEY, tag.map(quoted))];
    text.push("{");
    let mut separator = "";
    for _ in 0..pairs {
        text.push(separator);
        separator = ",";
        let key = key(&mut map, 1)?;
        for (_, value) in added.iter_mut().filter(|(name, _)| *name == key) {
            *value = None;
        }
        text.string(&key);
        text.push(":");
        write_value(&mut map, text, 1)?;
    }
    for (name, value) in &added {
        if let Some(value) = value {
            text.push(separator);
            separator = ",";
            text.string(name);
            text.push(":");
            text.push(value);
        }
    }
    text.push("}");
    Ok(())
}

/// What stands in the place of the time, and the metadata of Fluent Bit, both as JSON.
fn time(value: &[u8]) -> Result<(Option<String>, Option<String>), Unreadable> {
    let mut reader = Reader::new(value);
    let mut inner = reader;
    if let Token::Array(count) = inner.token()? {
        if count != 2 {
            return Err(Unreadable);
        }
        let (time, metadata) = (inner.value()?, inner.value()?);
        let says_nothing = matches!(Reader::new(metadata).token()?, Token::Map(0) | Token::Nil);
        let metadata = if says_nothing { None } else { Some(json(metadata, 1)?) };
        return Ok((Some(json(time, 1)?).map(|text| moment(time, text)), metadata));
    }
    reader.value()?;
    Ok((Some(moment(value, json(value, 1)?)), None))
}

/// A time as RFC 3339; `otherwise` if it is none.
fn moment(value: &[u8], otherwise: String) -> String {
    let time = match Reader::new(value).token() {
        Ok(Token::Unsigned(seconds)) => i64::try_from(seconds).ok().and_then(|seconds| seconds_of(seconds, 0)),
        Ok(Token::Signed(seconds)) => seconds_of(seconds, 0),
        Ok(Token::Float(seconds)) => jiff::SignedDuration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|since| Timestamp::from_duration(since).ok()),
        Ok(Token::Extension(EVENT_TIME, data)) => event_time(data),
        _ => None,
    };
    time.map_or(otherwise, |time| quoted(&time.to_string()))
}

fn event_time(data: &[u8]) -> Option<Timestamp> {
    let (seconds, nanoseconds) = (data.first_chunk()?, data.get(4..)?.first_chunk()?);
    seconds_of(
        i64::from(u32::from_be_bytes(*seconds)),
        i32::try_from(u32::from_be_bytes(*nanoseconds)).ok()?,
    )
}

fn seconds_of(seconds: i64, nanoseconds: i32) -> Option<Timestamp> {
    Timestamp::new(seconds, nanoseconds).ok()
}

/// A key as text; senders that have keys of another kind mean what they look like.
fn key<'a>(reader: &mut Reader<'a>, depth: usize) -> Result<Cow<'a, str>, Unreadable> {
    let value = reader.value()?;
    match Reader::new(value).token()? {
        Token::Text(key) | Token::Binary(key) => Ok(String::from_utf8_lossy(key)),
        _ => Ok(Cow::Owned(json(value, depth + 1)?)),
    }
}

fn json(value: &[u8], depth: usize) -> Result<String, Unreadable> {
    let mut text = Text::default();
    write_value(&mut Reader::new(value), &mut text, depth)?;
    String::from_utf8(text.0).map_err(|_| Unreadable)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_value(reader: &mut Reader<'_>, text: &mut Text, depth: usize) -> Result<(), Unreadable> {
    if DEPTH_MAX < depth {
        return Err(Unreadable);
    }
    match reader.token()? {
        Token::Nil => text.push("null"),
        Token::Bool(value) => text.push(if value { "true" } else { "false" }),
        Token::Unsigned(number) => text.push(&number.to_string()),
        Token::Signed(number) => text.push(&number.to_string()),
        // JSON has no number for infinity, nor for what is none.
        Token::Float(number) if number.is_finite() => text.push(&serde_json::Value::from(number).to_string()),
        Token::Float(number) => text.string(&number.to_string()),
        Token::Extension(EVENT_TIME, data) if let Some(time) = event_time(data) => text.string(&time.to_string()),
        Token::Text(bytes) | Token::Binary(bytes) | Token::Extension(_, bytes) => {
            text.string(&String::from_utf8_lossy(bytes));
        }
        Token::Array(count) => {
            text.push("[");
            for place in 0..count {
                text.push(if place == 0 { "" } else { "," });
                write_value(reader, text, depth + 1)?;
            }
            text.push("]");
        }
        Token::Map(pairs) => {
            text.push("{");
            for place in 0..pairs {
                text.push(if place == 0 { "" } else { "," });
                let key = key(reader, depth)?;
                text.string(&key);
                text.push(":");
                write_value(reader, text, depth + 1)?;
            }
            text.push("}");
        }
    }
    Ok(())
}

/// Text that stops growing at the length of the longest record.
#[derive(Debug, Default)]
struct Text(Vec<u8>);

impl Text {
    fn push(&mut self, text: &str) {
        let room = RECORD_BYTES_MAX.saturating_sub(self.0.len());
        self.0
            .extend_from_slice(text.as_bytes().get(..room).unwrap_or(text.as_bytes()));
    }

    fn string(&mut self, text: &str) {
        // It never fails: what is beyond the end is passed over.
        drop(serde_json::to_writer(self, text));
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = RECORD_BYTES_MAX.saturating_sub(self.0.len());
        self.0.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
