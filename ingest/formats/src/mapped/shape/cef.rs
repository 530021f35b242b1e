//! CEF: `CEF:0|vendor|product|version|id|name|severity|key=value key=a value`, of which the values may
//! hold spaces.

use std::borrow::Cow;

use crate::json::Json;

/// The names of what stands between the bars.
const HEADER: [&str; 7] = [
    "cef_version",
    "device_vendor",
    "device_product",
    "device_version",
    "signature_id",
    "name",
    "severity",
];
/// The most keys of a line. `FortiGate` writes some sixty.
const KEYS_MAX: usize = 256;

/// The fields of a line; none if it is not CEF.
pub(in crate::mapped) fn cef(line: &str) -> Option<Vec<(Cow<'_, str>, Json<'_>)>> {
    let (_, text) = line.split_once("CEF:")?;
    let mut fields = Vec::new();
    let mut rest = text.trim_start();
    for name in HEADER {
        let end = bar(rest)?;
        let (value, after) = rest.split_at(end);
        fields.push((Cow::Borrowed(name), Json::Text(unescaped(value))));
        rest = after.get(1..).unwrap_or_default();
    }
    extension(rest, &mut fields);
    Some(fields)
}

/// Where the next bar stands that no backslash hides.
fn bar(text: &str) -> Option<usize> {
    let mut escaped = false;
    let found = text.char_indices().find(|(_, c)| {
        let here = *c == '|' && !escaped;
        escaped = *c == '\\' && !escaped;
        here
    });
    found.map(|(at, _)| at)
}

/// The pairs after the bars. A value ends where the next key begins.
fn extension<'a>(text: &'a str, fields: &mut Vec<(Cow<'a, str>, Json<'a>)>) {
    let mut rest = text.trim_start();
    while fields.len() < KEYS_MAX {
        let Some((key, after)) = rest.split_once('=') else {
            return;
        };
        let end = next_key(after);
        let (value, next) = after.split_at(end);
        let key = key.trim();
        // Of a key that stands twice the first counts, as where values are quoted.
        if !key.is_empty() && !fields.iter().any(|(known, _)| known == key) {
            fields.push((Cow::Borrowed(key), Json::Text(unescaped(value.trim_end()))));
        }
        rest = next;
    }
}

/// Where the next key begins: behind the last space before an equals sign that no backslash hides.
fn next_key(text: &str) -> usize {
    let (mut space, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match c {
            ' ' => space = Some(at),
            '=' if !escaped && space.is_some_and(|space| space + 1 < at) => return space.map_or(at, |space| space + 1),
            c if !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) => space = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Takes the backslash from before what it hides.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match letters.peek() {
            Some(next @ ('=' | '|' | '\\')) if c == '\\' => {
                plain.push(*next);
                letters.next();
            }
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text((key, value): &(Cow<'_, str>, Json<'_>)) -> String {
        let value = value.text().unwrap();
        if HEADER.contains(&&**key) {
            value.into_owned()
        } else {
            format!("{key}:{value}")
        }
    }

    #[test]
    fn values_end_where_the_next_key_begins() {
        for (line, expected) in [
            (
                "<1>x CEF:0|V|P|1|7|a login|3|duser=hana sato act=login msg=said a\\=b c=d",
                Some(vec![
                    "V",
                    "P",
                    "1",
                    "7",
                    "a login",
                    "3",
                    "duser:hana sato",
                    "act:login",
                    "msg:said a=b",
                    "c:d",
                ]),
            ),
            ("CEF: 0|V\\|W|P|1|7|n|3|", Some(vec!["V|W", "P", "1", "7", "n", "3"])),
            (
                "CEF:0|V|P|1|7|n|3|request=http://x/?q=1 src=",
                Some(vec!["V", "P", "1", "7", "n", "3", "request:http://x/?q=1", "src:"]),
            ),
            (
                "CEF:0|V|P|1|7|n|3|user=corp\\\\hana",
                Some(vec!["V", "P", "1", "7", "n", "3", "user:corp\\hana"]),
            ),
            ("CEF:0|V|P", None),
            ("date=1", None),
        ] {
            let fields = cef(line).map(|fields| fields.iter().skip(1).map(text).collect::<Vec<_>>());
            let expected = expected.map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(fields, expected, "{line}");
        }
    }
}
