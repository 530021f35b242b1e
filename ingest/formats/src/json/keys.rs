//! The keys of a record without parsing it, to tell whose it is.

use memchr::{memchr, memchr2};

/// How much of a record is looked at, in bytes. The keys that tell formats apart stand within the
/// first few KiB; a body of many records need not be read to its end.
const SNIFF_BYTES_MAX: usize = 64 * 1024;

/// Every key, at any depth, with the text that follows its colon. Nothing, if the record is not an
/// object or array.
pub(crate) fn keys(record: &[u8]) -> Keys<'_> {
    let record = record.get(..SNIFF_BYTES_MAX).unwrap_or(record);
    let record = record
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(record)
        .trim_ascii_start();
    let rest: &[u8] = if matches!(record.first(), Some(b'{' | b'[')) {
        record
    } else {
        b""
    };
    Keys { rest }
}

/// The string that a value begins with, escapes and all.
pub(crate) fn string_after(value: &[u8]) -> Option<&[u8]> {
    string(value.strip_prefix(b"\"")?).map(|(text, _)| text)
}

/// The text of a string whose opening quote is taken off, and what follows its closing one.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    loop {
        end += memchr2(b'"', b'\\', text.get(end..)?)?;
        if text.get(end) == Some(&b'"') {
            return Some((text.get(..end)?, text.get(end + 1..)?));
        }
        end += 2;
    }
}

/// An iterator over keys.
pub(crate) struct Keys<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Keys<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let quote = memchr(b'"', self.rest)?;
            let (text, after) = string(self.rest.get(quote + 1..)?)?;
            self.rest = after;
            if let Some(value) = after.trim_ascii_start().strip_prefix(b":") {
                return Some((text, value.trim_ascii_start()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(record: &str) -> Vec<String> {
        keys(record.as_bytes())
            .map(|(key, _)| String::from_utf8_lossy(key).into_owned())
            .collect()
    }

    #[test]
    fn keys_are_told_from_text() {
        assert_eq!(
            names(r#" {"a" : "x", "b": ["c", {"d":1}], "e": "\"f\": 1"}"#),
            ["a", "b", "d", "e"]
        );
        assert_eq!(names("\u{feff}[{\"a\":1}]"), ["a"]);
        assert_eq!(names(r#"text "a": 1"#), Vec::<String>::new());
        assert_eq!(names(r#"{"a": 1, "cut"#), ["a"]);
        assert_eq!(names(r#"{"a\"#), Vec::<String>::new());
    }

    #[test]
    fn the_value_after_a_key_is_read_as_text() {
        let (_, value) = keys(br#"{"category":  "SignInLogs", "x": 1}"#).next().unwrap();
        assert_eq!(string_after(value), Some(&b"SignInLogs"[..]));
        assert_eq!(string_after(b"12"), None);
    }
}
