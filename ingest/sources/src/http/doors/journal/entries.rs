//! The journal export format: `KEY=value` lines, values of any bytes after their length, and a blank line
//! after each entry. <https://systemd.io/JOURNAL_EXPORT_FORMATS/>
//!
//! An entry becomes a JSON object as `journalctl -o json` writes it: texts are strings, other bytes are
//! arrays of numbers, several values of one field are an array, and a value that is too long is `null`.
//!
//! # Invariants
//! * The records do not depend on where the input is divided.
//! * Memory is bounded by one entry of [`ENTRY_BYTES_MAX`], whatever lengths the input claims.
//! * A line that is no field is a record of its own; nothing is left out but blank lines.

use std::collections::BTreeMap;

use crate::http::answer::Refusal;
use crate::http::json::put_text;
use crate::lines::RECORD_BYTES_MAX;

/// The most bytes of names and values that are held of one entry.
const ENTRY_BYTES_MAX: usize = RECORD_BYTES_MAX;

/// The most fields of one entry, as journald has it; what follows is another entry.
const FIELDS_MAX: usize = 1024;

/// The longest name of a field, as journald has it.
const NAME_BYTES_MAX: usize = 64;

/// The longest value journald takes, in bytes. Who claims more is not journald.
const VALUE_BYTES_MAX: u64 = 768 * 1024 * 1024;

/// Reads entries from a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Entries {
    state: State,
    /// The line, or the value, that is being read, as far as it is held.
    part: Vec<u8>,
    /// Whether it is longer than what is held.
    is_cut: bool,
    fields: BTreeMap<Vec<u8>, Vec<Option<Vec<u8>>>>,
    fields_count: usize,
    /// What the fields hold, in bytes.
    held: usize,
}

#[derive(Debug, Default)]
enum State {
    /// In a line.
    #[default]
    Line,
    /// In the length of the value of the field with this name.
    Length { name: Vec<u8> },
    /// In that value, of which so many bytes are left.
    Value { name: Vec<u8>, left: u64 },
    /// After that value, where a line end has to be.
    ValueEnd,
}

/// Where entries go.
pub(super) trait Push: FnMut(&[u8]) -> Result<(), Refusal> {}

impl<F: FnMut(&[u8]) -> Result<(), Refusal>> Push for F {}

impl Entries {
    /// Reads on; `push` gets every entry that is complete.
    pub(super) fn read(&mut self, mut bytes: &[u8], push: &mut impl Push) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            bytes = match std::mem::take(&mut self.state) {
                State::Line => self.in_line(bytes, push)?,
                State::Length { name } => self.in_length(name, bytes, push)?,
                State::Value { name, left } => self.in_value(name, left, bytes, push)?,
                State::ValueEnd => bytes.strip_prefix(b"\n").unwrap_or(bytes),
            };
        }
        Ok(())
    }

    /// The stream is at its end: what is begun is all there is of it.
    pub(super) fn finish(&mut self, push: &mut impl Push) -> Result<(), Refusal> {
        match std::mem::take(&mut self.state) {
            State::Line if self.part.is_empty() => {}
            State::Line => {
                self.line_ended(push)?;
                return self.finish(push);
            }
            State::Length { name } => {
                self.part.clear();
                push(&name)?;
            }
            State::Value { name, .. } => self.value_ended(name, push)?,
            State::ValueEnd => {}
        }
        self.entry_ended(push)
    }

    fn in_line<'a>(&mut self, bytes: &'a [u8], push: &mut impl Push) -> Result<&'a [u8], Refusal> {
        let end = memchr::memchr(b'\n', bytes);
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.hold(line);
        if end.is_some() {
            self.line_ended(push)?;
        }
        Ok(rest.strip_prefix(b"\n").unwrap_or(rest))
    }

    fn in_length<'a>(&mut self, name: Vec<u8>, bytes: &'a [u8], push: &mut impl Push) -> Result<&'a [u8], Refusal> {
        let missing = size_of::<u64>().saturating_sub(self.part.len());
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        self.part.extend_from_slice(taken);
        let Ok(length) = self.part.as_slice().try_into().map(u64::from_le_bytes) else {
            self.state = State::Length { name };
            return Ok(rest);
        };
        let length_bytes = std::mem::take(&mut self.part);
        match length {
            0 => self.value_ended(name, push)?,
            1..=VALUE_BYTES_MAX => self.state = State::Value { name, left: length },
            // The line was no field, and what was taken for a length are lines too.
            _ => {
                push(&name)?;
                self.read(&length_bytes, push)?;
            }
        }
        Ok(rest)
    }

    fn in_value<'a>(
        &mut self,
        name: Vec<u8>,
        left: u64,
        bytes: &'a [u8],
        push: &mut impl Push,
    ) -> Result<&'a [u8], Refusal> {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let (value, rest) = bytes.split_at(here);
        self.hold(value);
        let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
        if left == 0 {
            self.value_ended(name, push)?;
        } else {
            self.state = State::Value { name, left };
        }
        Ok(rest)
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = ENTRY_BYTES_MAX.saturating_sub(self.part.len());
        self.is_cut |= room < bytes.len();
        self.part.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn line_ended(&mut self, push: &mut impl Push) -> Result<(), Refusal> {
        let mut line = std::mem::take(&mut self.part);
        let is_cut = std::mem::take(&mut self.is_cut);
        if line.is_empty() {
            return self.entry_ended(push);
        }
        match memchr::memchr(b'=', &line) {
            Some(at) if is_name(line.get(..at).unwrap_or_default()) => {
                let value = line.split_off(at + 1);
                line.truncate(at);
                self.field(line, value, is_cut, push)
            }
            None if is_name(&line) => {
                self.state = State::Length { name: line };
                Ok(())
            }
            _ => push(&line),
        }
    }

    fn value_ended(&mut self, name: Vec<u8>, push: &mut impl Push) -> Result<(), Refusal> {
        let value = std::mem::take(&mut self.part);
        let is_cut = std::mem::take(&mut self.is_cut);
        self.state = State::ValueEnd;
        self.field(name, value, is_cut, push)
    }

    fn field(&mut self, name: Vec<u8>, value: Vec<u8>, is_cut: bool, push: &mut impl Push) -> Result<(), Refusal> {
        if FIELDS_MAX <= self.fields_count {
            self.entry_ended(push)?;
        }
        let bytes = name.len().saturating_add(value.len());
        let fits = !is_cut && self.held.saturating_add(bytes) <= ENTRY_BYTES_MAX;
        if fits {
            self.held = self.held.saturating_add(bytes);
        }
        self.fields_count += 1;
        self.fields.entry(name).or_default().push(fits.then_some(value));
        Ok(())
    }

    fn entry_ended(&mut self, push: &mut impl Push) -> Result<(), Refusal> {
        let fields = std::mem::take(&mut self.fields);
        (self.held, self.fields_count) = (0, 0);
        if fields.is_empty() {
            return Ok(());
        }
        let mut json = Vec::new();
        for (name, values) in fields {
            json.push(if json.is_empty() { b'{' } else { b',' });
            put_text(&mut json, &String::from_utf8_lossy(&name));
            json.push(b':');
            put_values(&mut json, &values);
        }
        json.push(b'}');
        push(&json)
    }
}

fn is_name(name: &[u8]) -> bool {
    let may_be = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.iter().all(may_be)
}

fn put_values(json: &mut Vec<u8>, values: &[Option<Vec<u8>>]) {
    if let [value] = values {
        return put_value(json, value.as_deref());
    }
    json.push(b'[');
    for (n, value) in values.iter().enumerate() {
        if 0 < n {
            json.push(b',');
        }
        put_value(json, value.as_deref());
    }
    json.push(b']');
}

fn put_value(json: &mut Vec<u8>, value: Option<&[u8]>) {
    match value.map(|value| (value, std::str::from_utf8(value))) {
        None => json.extend_from_slice(b"null"),
        Some((_, Ok(text))) => put_text(json, text),
        Some((bytes, Err(_))) => {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            json.push(b'[');
            json.extend_from_slice(numbers.join(",").as_bytes());
            json.push(b']');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(parts: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut push = |record: &[u8]| {
            found.push(String::from_utf8_lossy(record).into_owned());
            Ok(())
        };
        let mut entries = Entries::default();
        for part in parts {
            entries.read(part, &mut push).unwrap();
        }
        entries.finish(&mut push).unwrap();
        found
    }

    fn binary(name: &str, value: &[u8]) -> Vec<u8> {
        let length = u64::try_from(value.len()).unwrap().to_le_bytes();
        [name.as_bytes(), b"\n", &length, value, b"\n"].concat()
    }

    #[test]
    fn entries_become_objects() {
        let export = [
            b"__CURSOR=s=1\nMESSAGE=Accepted \"x\"\n_PID=7\n\n".to_vec(),
            b"\n\n__CURSOR=s=2\n".to_vec(),
            binary("MESSAGE", "two\nlines".as_bytes()),
            binary("DATA", &[0xff, 0, 1]),
            binary("EMPTY", b""),
            b"TAG=a\nTAG=b\n\n".to_vec(),
        ]
        .concat();

        assert_eq!(
            read(&[&export]),
            [
                r#"{"MESSAGE":"Accepted \"x\"","_PID":"7","__CURSOR":"s=1"}"#,
                r#"{"DATA":[255,0,1],"EMPTY":"","MESSAGE":"two\nlines","TAG":["a","b"],"__CURSOR":"s=2"}"#,
            ]
        );
    }

    #[test]
    fn what_is_no_field_is_a_record() {
        let huge = [b"NAME\n".as_slice(), &u64::MAX.to_le_bytes(), b"\nA=1\n"].concat();

        assert_eq!(
            read(&[b"not a field\nA=1\nlower=2"]),
            ["not a field", "lower=2", r#"{"A":"1"}"#]
        );
        assert_eq!(read(&[&huge])[0], "NAME");
        assert_eq!(read(&[&huge]).last().unwrap(), r#"{"A":"1"}"#);
        assert_eq!(read(&[b"NAME\n\x01\x02"]), ["NAME"]);
        assert_eq!(read(&[&binary("NAME", b"abc")[..15]]), [r#"{"NAME":"ab"}"#]);
        assert_eq!(read(&[b"\n \n"]), [" "]);
    }

    #[test]
    fn a_value_that_is_too_long_is_null_and_costs_no_memory() {
        let large = vec![b'x'; 3 * ENTRY_BYTES_MAX];
        let export = [
            binary("CORE", &large),
            [b"M=1\nLINE=", large.as_slice(), b"\n\n"].concat(),
        ]
        .concat();
        let mut entries = Entries::default();
        let mut found = Vec::new();
        for part in export.chunks(10_000) {
            entries
                .read(part, &mut |record: &[u8]| {
                    found.push(record.to_vec());
                    Ok(())
                })
                .unwrap();
            assert!(entries.part.capacity() <= 2 * ENTRY_BYTES_MAX);
        }

        assert_eq!(found, [br#"{"CORE":null,"LINE":null,"M":"1"}"#.to_vec()]);
    }

    #[test]
    fn an_entry_of_too_many_fields_is_divided() {
        let found = read(&["A=1\n".repeat(2 * FIELDS_MAX + 1).as_bytes()]);
        assert_eq!(found.len(), 3);
        assert_eq!(found[2], r#"{"A":"1"}"#);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_input_is_divided(
            export in prop::collection::vec(
                prop_oneof![
                    Just(b"\n".to_vec()), Just(b"A".to_vec()), Just(b"=".to_vec()), Just(binary("BB", b"\n\xff")),
                    Just(b"B=2\n".to_vec()), prop::collection::vec(any::<u8>(), 0..12),
                ],
                0..12,
            ),
            size in 1usize..9,
        ) {
            let export = export.concat();
            let parts: Vec<&[u8]> = export.chunks(size).collect();
            prop_assert_eq!(read(&parts), read(&[&export]));
        }
    }
}
