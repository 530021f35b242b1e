//! The records of a text: one, or several that came wrapped together.

use std::borrow::Cow;
use std::collections::HashMap;

use sekisho_model::Raw;
use serde_json::value::RawValue;

use super::Json;
use crate::Output;

/// The most records wrapped in one that are read: as many as a body over HTTP may have. A page of an API holds a
/// thousand, a file of `CloudTrail` some thousands, that of a busy account tens of thousands.
const WRAPPED_MAX: usize = 250_000;
/// The most keys of an object that wraps records and says of them what is not known here.
const WRAPPER_KEYS_MAX: usize = 3;
/// The keys under which records come together: Event Hubs and `CloudTrail`, Graph, Google's Reports,
/// Cloudflare.
const LISTS: [&str; 6] = ["records", "Records", "Events", "value", "items", "result"];
/// Those of them that a record itself may have as well: beside them stands what a page says of itself.
const LISTS_OF_PAGES: [&str; 2] = ["items", "result"];
/// What a page says of itself.
const PAGE_KEYS: [&str; 7] = [
    "kind",
    "etag",
    "nextPageToken",
    "success",
    "errors",
    "messages",
    "result_info",
];

/// Gives each record of `raw`, with its place, to `read`, which writes its rows or says why it could
/// not be read. `wrapped_in` are paths of keys to lists of records that a source wraps them in.
pub(crate) fn each_record(
    raw: &Raw<'_>,
    source: &str,
    wrapped_in: &[String],
    out: &mut Output,
    mut read: impl FnMut(&Raw<'_>, &Json<'_>, u32, &mut Output) -> Result<(), String>,
) {
    // Sound text is the rule, and checked many times faster than unsound text is mended.
    let text = std::str::from_utf8(raw.bytes).map_or_else(|_| String::from_utf8_lossy(raw.bytes), Cow::Borrowed);
    let text = without_lone_surrogates(text.trim_start_matches('\u{feff}').trim());
    let json = match Json::parse(&text) {
        Ok(json) => json,
        Err(error) => return out.reject(raw, source, format!("not JSON: {error}")),
    };
    let wrapped = match wrapped(&json, &text, wrapped_in) {
        Ok(wrapped) => wrapped,
        Err(reason) => return out.reject(raw, source, reason),
    };
    let Some(wrapped) = wrapped else {
        if let Err(reason) = read(raw, &json, 0, out) {
            out.reject(raw, source, reason);
        }
        return;
    };
    if WRAPPED_MAX < wrapped.len() {
        let found = wrapped.len();
        let reason = format!("{found} records in one: the first {WRAPPED_MAX} are read, the others not");
        out.reject(raw, source, reason);
    }
    for (element, index) in wrapped.into_iter().take(WRAPPED_MAX).zip(0..) {
        let element = Raw {
            bytes: element.get().as_bytes(),
            ..*raw
        };
        let json = Json::parse(std::str::from_utf8(element.bytes).unwrap_or_default());
        let result = json.map_err(|error| format!("not JSON: {error}"));
        if let Err(reason) = result.and_then(|json| read(&element, &json, index, out)) {
            out.reject(&element, source, reason);
        }
    }
}

/// The texts of the records that came together, if it is more than one record.
fn wrapped<'t>(json: &Json<'_>, text: &'t str, paths: &[String]) -> Result<Option<Vec<&'t RawValue>>, String> {
    let path = paths.iter().find(|path| is_list(json, path));
    let elements: Vec<&RawValue> = match json {
        Json::Object(_) if let Some(path) = path => list_at(text, path).unwrap_or_default(),
        Json::List(_) => serde_json::from_str(text).map_err(|error| error.to_string())?,
        Json::Object(members) => {
            let Some(key) = list_of_records(members) else {
                return Ok(None);
            };
            list_at(text, key).unwrap_or_default()
        }
        Json::Null | Json::Flag(_) | Json::Number(_) | Json::Text(_) => {
            return Err("expected a JSON object, found another value".to_owned());
        }
    };
    if elements.is_empty() {
        return Err("an empty list of records".to_owned());
    }
    Ok(Some(elements))
}

/// The key of the list of records, if the object with these members wraps some.
fn list_of_records<'j>(members: &'j [(Cow<'_, str>, Json<'_>)]) -> Option<&'j str> {
    let is_list =
        |(key, value): &&(Cow<'_, str>, Json<'_>)| LISTS.contains(&key.as_ref()) && matches!(value, Json::List(_));
    let (list, _) = members.iter().find(is_list)?;
    let wraps = if LISTS_OF_PAGES.contains(&list.as_ref()) {
        members
            .iter()
            .all(|(key, _)| key == list || PAGE_KEYS.contains(&key.as_ref()))
    } else {
        members.len() <= WRAPPER_KEYS_MAX
    };
    wraps.then_some(list)
}

/// Whether a path of keys leads to a list of objects.
fn is_list(json: &Json<'_>, path: &str) -> bool {
    let end = path.split('.').try_fold(json, |json, key| json.get(key));
    matches!(end, Some(Json::List(elements)) if elements.iter().all(|element| matches!(element, Json::Object(_))))
}

/// The texts of the elements of the list at a path of keys.
fn list_at<'t>(text: &'t str, path: &str) -> Option<Vec<&'t RawValue>> {
    let (key, rest) = path
        .split_once('.')
        .map_or((path, None), |(key, rest)| (key, Some(rest)));
    let members: HashMap<Cow<'t, str>, &'t RawValue> = serde_json::from_str(text).ok()?;
    let exact = members.get(key).copied();
    let found = exact.or_else(|| {
        let mut members = members.iter();
        members
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| *value)
    });
    let value = found?.get();
    match rest {
        Some(rest) => list_at(value, rest),
        None => serde_json::from_str(value).ok(),
    }
}

/// Replaces escapes of half a character. Text that a source cuts to a length (the subject of a mail)
/// may end in the first half of an emoji, and is no JSON to a strict reader.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains(r"\ud") && !text.contains(r"\uD") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Half::First), Some(Half::Second)) => 12,
            (Some(_), _) => {
                out.push_str(r"\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // A backslash and what it escapes; of a character of several bytes, the backslash alone.
            (None, _) => {
                if escape.is_char_boundary(2) {
                    2
                } else {
                    1
                }
            }
        };
        let (kept, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(kept);
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A half of a character outside the first plane.
enum Half {
    First,
    Second,
}

/// Which half the escape at the start of the text stands for, if it does.
fn surrogate(escape: &str) -> Option<Half> {
    let digits = escape.strip_prefix(r"\u")?.get(..4)?;
    match u32::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::First),
        0xdc00..=0xdfff => Some(Half::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_came_together_are_told_from_a_record_with_a_list() {
        for (text, expected) in [
            (r#"{"records": [{}, {}]}"#, Some(2)),
            (r#"{"Records": [{}]}"#, Some(1)),
            (
                r#"{"@odata.context": "x", "@odata.nextLink": "y", "value": [{}]}"#,
                Some(1),
            ),
            (
                r#"{"kind": "k", "etag": "e", "nextPageToken": "t", "items": [{}, {}, {}]}"#,
                Some(3),
            ),
            (
                r#"{"success": true, "errors": [], "messages": [], "result": [{}], "result_info": {}}"#,
                Some(1),
            ),
            (r#"{"a": 1, "b": 2, "c": 3, "records": [{}]}"#, None),
            (r#"{"id": 1, "items": [{}]}"#, None),
            (r#"{"action": "login", "result": [{}]}"#, None),
            (r#"{"records": {}}"#, None),
            ("{}", None),
        ] {
            let json = Json::parse(text).unwrap();
            let found = wrapped(&json, text, &[]).unwrap();
            assert_eq!(found.map(|found| found.len()), expected, "{text}");
        }
    }

    #[test]
    fn a_file_of_many_records_is_read_and_what_is_beyond_the_bound_is_told() {
        for (count, expected) in [(5_000, (5_000, 0)), (WRAPPED_MAX + 1, (WRAPPED_MAX, 1))] {
            let text = format!(r#"{{"Records":[{}{{}}]}}"#, "{},".repeat(count - 1));
            let origin = crate::testing::origin();
            let raw = Raw {
                origin: &origin,
                offset: 0,
                observed: crate::testing::received(),
                bytes: text.as_bytes(),
            };
            let mut out = Output::new(&sekisho_model::Projection::default());
            let mut places = Vec::new();
            each_record(&raw, "aws.cloudtrail", &[], &mut out, |_, _, place, _| {
                places.push(place);
                Ok(())
            });
            assert_eq!((places.len(), out.rejects.len()), expected);
            assert!(places.is_sorted_by(|one, next| one < next));
        }
    }

    #[test]
    fn half_a_character_costs_that_character_only() {
        for (text, expected) in [
            (r#"["\ud83d\ude00"]"#, r#"["\ud83d\ude00"]"#),
            (r#"["cut \ud83d"]"#, r#"["cut \ufffd"]"#),
            (r#"["\ude00\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ufffd\ud83d\ude00"]"#),
            (r#"["\\ud83d"]"#, r#"["\\ud83d"]"#),
            (r#"["\n\ud83dあ"]"#, r#"["\n\ufffdあ"]"#),
            (r"\ud83d\あ", r"\ufffd\あ"),
            (r"\ud83d\", r"\ufffd\"),
        ] {
            assert_eq!(without_lone_surrogates(text), expected);
        }
    }
}
