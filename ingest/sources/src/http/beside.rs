//! What a protocol tells beside a line of text: when it was, where it was, and what else its sender says of it.
//!
//! Many lines tell neither themselves: shippers take the header off. Such a line is put into a document with what is
//! beside it, as a shipper of documents would send it, and the formats open both alike. What stands in the line comes
//! first there.
//!
//! # Invariants
//! * The line is in the document as it came, so nothing is lost by it.
//! * What is a record by itself stays as it is: JSON, XML, what is too long, and what is no text.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::json::{get, put_text};
use crate::lines::RECORD_BYTES_MAX;

/// The names in a document that the formats know.
pub(super) const TIME: &str = "@timestamp";
pub(super) const HOST: &str = "host";
pub(super) const LABELS: &str = "labels";
const LINE: &str = "line";

/// The names under which a shipper's event has its line, and its time.
const LINES_OF_EVENTS: [&str; 4] = ["message", "MESSAGE", "log", "msg"];
const TIMES_OF_EVENTS: [&str; 4] = [TIME, "timestamp", "time", "date"];

/// What is beside a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside(Vec<u8>);

impl Beside {
    /// Adds a text, if there is one.
    pub(super) fn text(mut self, name: &str, text: Option<&str>) -> Self {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            self.begin(name);
            put_text(&mut self.0, text);
        }
        self
    }

    /// Adds a value that is JSON already, if there is one and it says anything.
    pub(super) fn json(mut self, name: &str, value: Option<&[u8]>) -> Self {
        let says_something = |value: &&[u8]| !matches!(*value, b"" | b"null" | b"{}" | b"[]" | b"\"\"");
        // What is broken beside a line must not cost the line.
        let is_json = |value: &&[u8]| serde_json::from_slice::<IgnoredAny>(value).is_ok();
        if let Some(value) = value.filter(says_something).filter(is_json) {
            self.begin(name);
            self.0.extend_from_slice(value);
        }
        self
    }

    fn begin(&mut self, name: &str) {
        self.0.extend_from_slice(if self.0.is_empty() { b"{" } else { b"," });
        put_text(&mut self.0, name);
        self.0.push(b':');
    }

    /// The line with what is beside it; the line alone if that is nothing, or if the line is a record by itself.
    pub(super) fn around<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(text) = std::str::from_utf8(line).ok().filter(|text| is_line(text)) else {
            return Cow::Borrowed(line);
        };
        if self.0.is_empty() {
            return Cow::Borrowed(line);
        }
        let mut document = self.clone().text(LINE, Some(text)).0;
        document.push(b'}');
        if RECORD_BYTES_MAX < document.len() {
            return Cow::Borrowed(line);
        }
        Cow::Owned(document)
    }

    /// An event that is an object, with what is beside it where it is a shipper's and tells no time: some protocols
    /// take the time out of the event and put it beside. Events of vendors stay as they came.
    pub(super) fn within<'a>(&self, event: &'a [u8]) -> Cow<'a, [u8]> {
        let has = |names: &[&str]| names.iter().any(|name| get(event, name).is_some());
        let inside = event
            .strip_prefix(b"{")
            .filter(|_| has(&LINES_OF_EVENTS) && !has(&TIMES_OF_EVENTS));
        match inside {
            // Of two members with one name the last counts, and that is the event's own.
            Some(inside) if !self.0.is_empty() => Cow::Owned([&self.0, b",".as_slice(), inside].concat()),
            _ => Cow::Borrowed(event),
        }
    }
}

/// Whether it is a line of text, which may begin with the priority of syslog, and no record by itself.
fn is_line(text: &str) -> bool {
    let mut letters = text.trim_start().chars();
    match letters.next() {
        None | Some('{' | '[') => false,
        Some('<') => letters.next().is_some_and(|letter| letter.is_ascii_digit()),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(beside: &Beside, line: &str) -> String {
        String::from_utf8(beside.around(line.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn a_line_gets_what_is_beside_it_and_a_record_does_not() {
        let beside = Beside::default()
            .json(TIME, Some(b"1.5"))
            .text(HOST, Some("web1"))
            .text("x", Some(" "))
            .json(LABELS, Some(b"{}"));

        assert_eq!(
            around(&beside, "a \"b\""),
            r#"{"@timestamp":1.5,"host":"web1","line":"a \"b\""}"#
        );
        assert_eq!(
            around(&beside, "<13>a"),
            r#"{"@timestamp":1.5,"host":"web1","line":"<13>a"}"#
        );
        for record in [r#"{"a":1}"#, " [1]", "<Event/>", "", &"x".repeat(RECORD_BYTES_MAX)] {
            assert_eq!(around(&beside, record), record);
            assert_eq!(around(&Beside::default(), record), record);
        }
        assert_eq!(around(&Beside::default(), "a"), "a");
        assert_eq!(beside.around(b"\xff"), b"\xff".as_slice());
    }

    #[test]
    fn an_event_without_a_time_gets_the_one_beside_it_if_it_is_a_shippers() {
        let beside = Beside::default().json(TIME, Some(b"1.5")).text(HOST, Some("relay"));
        for (event, expected) in [
            (
                r#"{"message":"a"}"#,
                r#"{"@timestamp":1.5,"host":"relay","message":"a"}"#,
            ),
            (
                r#"{"message":"a","host":"web1"}"#,
                r#"{"@timestamp":1.5,"host":"relay","message":"a","host":"web1"}"#,
            ),
            (r#"{"message":"a","time":2}"#, r#"{"message":"a","time":2}"#),
            (r#"{"user":"hana"}"#, r#"{"user":"hana"}"#),
            ("[1]", "[1]"),
        ] {
            assert_eq!(beside.within(event.as_bytes()), expected.as_bytes());
        }
    }
}
