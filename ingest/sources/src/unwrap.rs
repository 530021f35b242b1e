//! From a body, or the contents of a file, to records.
//!
//! What is recognised: JSON objects one after the other (NDJSON, or without line ends between them),
//! a JSON array of objects, an object that only wraps an array of them (`records`, `Records`,
//! `value`, `items`, `data.events`), and otherwise lines of text.
//!
//! # Invariants
//! * Every record is a part of the input, byte for byte; records do not overlap and keep their order.
//! * What is left out is white space, and the brackets, commas and envelope around objects. Whatever
//!   cannot be understood is a record too: its line.
//! * The time it takes is linear in the input, and nothing is copied.
//!
//! # Not here
//! Whether a record is valid: only brackets and quotes are looked at. Depth costs nothing here.

mod envelope;
pub(crate) mod json;

use crate::lines::without_cr;
use envelope::wrapped;
use json::{Scan, Strict, skip_space};

/// How many times the input may be read in vain, while looking for ends that are not there. After
/// that the rest is taken as lines, so hostile input costs no more than this.
const READ_IN_VAIN_MAX: usize = 8;

/// The records of `bytes`.
pub fn split(bytes: &[u8]) -> Vec<&[u8]> {
    records(bytes).collect()
}

/// The records of `bytes`, one at a time.
pub fn records(bytes: &[u8]) -> Records<'_> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let is_json = match bytes.trim_ascii_start() {
        [b'{', ..] => true,
        array => begins_array_of_objects(array),
    };
    let vain_left = bytes.len().saturating_mul(READ_IN_VAIN_MAX);
    Records {
        bytes,
        place: 0,
        is_json,
        vain_left,
        arrays: Vec::new(),
    }
}

/// See [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    place: usize,
    is_json: bool,
    vain_left: usize,
    /// Arrays that are being taken apart, the inner one last.
    arrays: Vec<Array>,
}

#[derive(Clone, Copy, Debug)]
struct Array {
    /// Where the next element is looked for.
    place: usize,
    /// Where the array ends; if it has no end, the end of the input.
    end: usize,
    /// Whether its elements may be envelopes.
    may_wrap: bool,
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let record = match self.arrays.pop() {
                Some(array) => self.element(array),
                None if self.bytes.len() <= self.place => return None,
                None if self.is_json => self.value(),
                None => Some(self.line(self.place)),
            };
            if let Some(record) = record.filter(|record| !record.trim_ascii().is_empty()) {
                return Some(record);
            }
        }
    }
}

impl<'a> Records<'a> {
    /// From `start` to the end of its line.
    fn line(&mut self, start: usize) -> &'a [u8] {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(self.bytes.len(), |at| start + at);
        self.place = end + 1;
        without_cr(self.bytes.get(start..end).unwrap_or_default())
    }

    /// The next value at the top; `None` if it is taken apart.
    fn value(&mut self) -> Option<&'a [u8]> {
        let start = skip_space(self.bytes, self.place, b",");
        self.place = start;
        let rest = self.bytes.get(start..)?;
        let is_array = begins_array_of_objects(rest);
        if !is_array && rest.first() != Some(&b'{') {
            return Some(self.line(start));
        }
        match json::nested_end(self.bytes, start, Strict::Yes) {
            Scan::End(end) if stands_alone(self.bytes, end) => {
                self.place = end;
                return self.take_apart(start, end, true);
            }
            Scan::Unended | Scan::Broken(_) if is_array && start == skip_space(self.bytes, 0, b"") => {
                // A body that was cut short, or has a bad element, still has good elements.
                self.place = self.bytes.len();
                self.arrays.push(Array {
                    place: start + 1,
                    end: self.bytes.len(),
                    may_wrap: true,
                });
                return None;
            }
            Scan::End(seen) | Scan::Broken(seen) => self.note_vain(start, seen),
            Scan::Unended => self.note_vain(start, self.bytes.len()),
        }
        Some(self.line(start))
    }

    /// What was between `start` and `seen` has to be read again.
    fn note_vain(&mut self, start: usize, seen: usize) {
        self.vain_left = self.vain_left.saturating_sub(seen.saturating_sub(start));
        self.is_json = 0 < self.vain_left;
    }

    /// The value between `start` and `end`, unless it wraps others: then they come next.
    fn take_apart(&mut self, start: usize, end: usize, may_be_array: bool) -> Option<&'a [u8]> {
        let value = self.bytes.get(start..end)?;
        let array = match value.first()? {
            b'[' if may_be_array => Some(Array {
                place: start + 1,
                end: end - 1,
                may_wrap: true,
            }),
            b'{' => wrapped(value).map(|inner| Array {
                place: start + inner.start + 1,
                end: start + inner.end - 1,
                may_wrap: false,
            }),
            _ => None,
        };
        let Some(array) = array else { return Some(value) };
        self.arrays.push(array);
        None
    }

    /// The next element of an array; `None` at its end, and if the element is taken apart itself.
    fn element(&mut self, array: Array) -> Option<&'a [u8]> {
        let start = skip_space(self.bytes, array.place, b",");
        if array.end <= start {
            return None;
        }
        let within = self.bytes.get(..array.end)?;
        if within.get(start) == Some(&b']') {
            self.place = self.place.min(start + 1);
            return None;
        }
        let (end, seen) = json::element_end(within, start);
        self.note_vain(end, seen);
        if !self.is_json {
            self.arrays.clear();
            return Some(self.line(start));
        }
        self.arrays.push(Array { place: end, ..array });
        let value = within.get(start..end)?.trim_ascii_end();
        if array.may_wrap {
            return self.take_apart(start, start + value.len(), false);
        }
        Some(value)
    }
}

/// Text may begin with a bracket too, such as that of a date.
fn begins_array_of_objects(bytes: &[u8]) -> bool {
    let Some(inside) = bytes.strip_prefix(b"[") else {
        return false;
    };
    match inside.trim_ascii_start() {
        [b'{', object @ ..] => matches!(object.trim_ascii_start(), [b'"' | b'}', ..]),
        inside => inside.first() == Some(&b']'),
    }
}

/// Whether what follows a value lets it be one: the end, a line end, or another value.
fn stands_alone(bytes: &[u8], end: usize) -> bool {
    let rest = bytes.get(end..).unwrap_or_default();
    let after = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    matches!(after, None | Some(b'\n' | b'{' | b'[' | b','))
}

#[cfg(test)]
mod tests;
