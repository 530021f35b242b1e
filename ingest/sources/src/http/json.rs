//! Looking into the JSON of a body without building anything of it, byte for byte.
//!
//! Bodies are hostile, and a library that builds values pays for each of them before one can count.
//! Here a value is the part of the body it stands in; whatever is broken is a value too.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::answer::Refusal;
use crate::unwrap::json::{Scan, Strict, members as scan_members, nested_end, skip_space, string_end};

/// Whether the bytes are one object, by its brackets and quotes, and nothing else.
pub(super) fn is_object(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{") && nested_end(bytes, 0, Strict::Yes) == Scan::End(bytes.len())
}

/// The members of an object, as far as it is one: key as it is written, and value.
pub(super) fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    scan_members(object)
        .map_while(|member| member)
        .filter_map(|(key, start, end)| Some((key, object.get(start..end)?.trim_ascii_end())))
}

/// The value of the first member with this key.
pub(super) fn get<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    members(object)
        .find(|(name, _)| *name == key.as_bytes())
        .map(|(_, value)| value)
}

/// The text of the first member with this key, if it is a string.
pub(super) fn get_text<'a>(object: &'a [u8], key: &str) -> Option<Cow<'a, str>> {
    get(object, key).and_then(text)
}

/// A body that is one object, and JSON from end to end.
pub(super) fn object(body: &[u8]) -> Result<&[u8], Refusal> {
    let body = body.trim_ascii();
    let is_json = serde_json::from_slice::<IgnoredAny>(body).map(|_| ());
    match is_json {
        Ok(()) if body.starts_with(b"{") => Ok(body),
        Ok(()) => Err(Refusal::Undecodable("expected a JSON object".to_owned())),
        Err(error) => Err(Refusal::Undecodable(format!("expected a JSON object: {error}"))),
    }
}

/// The elements of the array with this key; none if there is no such key.
pub(super) fn array<'a>(object: &'a [u8], key: &str) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, Refusal> {
    match get(object, key) {
        _ if !object.starts_with(b"{") => Err(Refusal::Undecodable(format!("expected an object with {key:?}"))),
        None | Some(b"null") => Ok(elements(b"[]")),
        Some(array) if array.starts_with(b"[") => Ok(elements(array)),
        Some(_) => Err(Refusal::Undecodable(format!("expected an array as {key:?}"))),
    }
}

/// The elements of an array. From the first one on that is broken, the rest is one element, so that the
/// time it takes is linear in the input.
pub(super) fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inside = array
        .strip_prefix(b"[")
        .map_or(&[][..], |inside| inside.strip_suffix(b"]").unwrap_or(inside));
    let mut place = 0;
    std::iter::from_fn(move || {
        let start = skip_space(inside, place, b",");
        if inside.len() <= start {
            return None;
        }
        let end = element_end(inside, start).unwrap_or(inside.len());
        place = end;
        Some(inside.get(start..end)?.trim_ascii_end())
    })
}

/// Where an element ends that is whole, and followed by another or the end.
fn element_end(inside: &[u8], start: usize) -> Option<usize> {
    let scan = match inside.get(start)? {
        b'{' | b'[' => nested_end(inside, start, Strict::Yes),
        b'"' => string_end(inside, start),
        _ => {
            let comma = memchr::memchr(b',', inside.get(start..)?);
            Scan::End(comma.map_or(inside.len(), |at| start + at))
        }
    };
    let Scan::End(end) = scan else { return None };
    let after = inside.get(skip_space(inside, end, b""));
    matches!(after, None | Some(b',')).then_some(end)
}

/// The text of a string; `None` if it is none.
pub(super) fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inside).is_none() {
        return std::str::from_utf8(inside).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice(value).ok().map(Cow::Owned)
}

/// Adds a JSON string.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    // Writing to a `Vec` does not fail, and a string always has a JSON form.
    if serde_json::to_writer(&mut *out, text).is_err() {
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_elements(array: &str, expected: &[&str]) {
        let found: Vec<_> = elements(array.as_bytes()).map(String::from_utf8_lossy).collect();
        assert_eq!(found, expected, "{array}");
    }

    #[test]
    fn an_array_has_elements() {
        check_elements("[]", &[]);
        check_elements(
            "[ 1 , \"a,]\" ,{\"b\":[1,2]}, [3] ]",
            &["1", "\"a,]\"", "{\"b\":[1,2]}", "[3]"],
        );
        check_elements("[{\"a\":1},{broken, 3", &["{\"a\":1}", "{broken, 3"]);
        check_elements("[{} {}, 3]", &["{} {}, 3"]);
        check_elements("{}", &[]);
    }

    #[test]
    fn members_are_found_by_their_key() {
        let object = br#"{"a" : 1 , "b": "x\n\u3042", "b": 2, "c": {"d": [1]}}"#;

        assert_eq!(get(object, "a"), Some(b"1".as_slice()));
        assert_eq!(get_text(object, "b").as_deref(), Some("x\nあ"));
        assert_eq!(get(object, "c"), Some(br#"{"d": [1]}"#.as_slice()));
        assert_eq!(get_text(object, "a"), None);
        assert_eq!(get(b"no object", "a"), None);
        assert_eq!(text(br#""\ud800""#), None);
    }

    #[test]
    fn one_object_is_no_other() {
        for (bytes, expected) in [
            ("{}", true),
            (r#"{"a":{"b":[1,"}"]}}"#, true),
            ("{}{}", false),
            ("{} ", false),
            (r#"{"a":1"#, false),
            (r#"{"a":1 "b":2}"#, false),
            ("[{}]", false),
            ("", false),
        ] {
            assert_eq!(is_object(bytes.as_bytes()), expected, "{bytes}");
        }
    }

    #[test]
    fn hostile_arrays_take_linear_time() {
        let open = ["[".repeat(1_000_000), "]".repeat(1_000_000)].concat();
        assert_eq!(elements(open.as_bytes()).count(), 1);
        let braces = ["[", &"{,".repeat(1_000_000), &"]".repeat(1_000_000), "]"].concat();
        assert_eq!(elements(braces.as_bytes()).count(), 1);
    }

    proptest! {
        #[test]
        fn nothing_but_commas_and_space_is_between_elements(inside in "[\\[\\]{}\",: a1\\\\\n]{0,40}") {
            let array = format!("[{inside}]");
            let kept: usize = elements(array.as_bytes()).map(<[u8]>::len).sum();
            let light = inside.bytes().filter(|byte| *byte == b',' || byte.is_ascii_whitespace()).count();
            prop_assert!(inside.len() <= kept + light);
        }
    }
}
