//! `key=value key="a value" key='a value'`, as firewalls write it, with commas between or without.

use std::borrow::Cow;

use crate::json::Json;

/// The most fields of a line. `FortiGate` writes some sixty.
const FIELDS_MAX: usize = 256;

/// The fields of a line. Text that belongs to no key is passed over; of a key that stands twice the first
/// counts, since it is the header's.
pub(in crate::mapped) fn key_values(line: &str) -> Vec<(Cow<'_, str>, Json<'_>)> {
    let mut fields: Vec<(Cow<'_, str>, Json<'_>)> = Vec::new();
    let mut rest = line;
    while fields.len() < FIELDS_MAX {
        let Some((before, after)) = rest.split_once('=') else {
            break;
        };
        let key = before.rsplit(|c: char| !is_key(c)).next().unwrap_or_default();
        let (value, next) = value(after);
        rest = next;
        if !key.is_empty() && !fields.iter().any(|(known, _)| known == key) {
            fields.push((Cow::Borrowed(key), Json::Text(value)));
        }
    }
    fields
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

/// The value at the beginning of a text, and what follows it.
fn value(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let (value, rest) = text.split_at(unquoted_end(text));
        return (Cow::Borrowed(value.trim_end_matches(',')), rest);
    };
    let inner = text.get(1..).unwrap_or_default();
    let (mut escaped, mut end) = (false, inner.len());
    for (at, c) in inner.char_indices() {
        if c == quote && !escaped {
            end = at;
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    let value = inner.get(..end).unwrap_or_default();
    let rest = inner.get(end + 1..).unwrap_or_default();
    (unescaped(value, quote), rest)
}

/// Where a value without quotes ends: at a space, or at a comma that a key follows.
fn unquoted_end(text: &str) -> usize {
    let ends = text.char_indices().find(|(at, c)| match c {
        ' ' => true,
        ',' => text.get(at + 1..).is_some_and(begins_with_key),
        _ => false,
    });
    ends.map_or(text.len(), |(at, _)| at)
}

fn begins_with_key(text: &str) -> bool {
    let end = text.find(|c: char| !is_key(c));
    end.is_some_and(|end| end > 0 && text.get(end..).is_some_and(|rest| rest.starts_with('=')))
}

/// Takes the backslash from before a quote. Others stay: `domain\name` is written with one.
fn unescaped(text: &str, quote: char) -> Cow<'_, str> {
    let escaped = ['\\', quote].iter().collect::<String>();
    if text.contains(&escaped) {
        Cow::Owned(text.replace(&escaped, &quote.to_string()))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Vec<String> {
        key_values(line)
            .iter()
            .map(|(key, value)| format!("{key}={}", value.text().unwrap()))
            .collect()
    }

    #[test]
    fn values_stand_with_and_without_quotes() {
        for (line, expected) in [
            (
                r#"date=2026-06-05 user="hana sato" n=1"#,
                vec!["date=2026-06-05", "user=hana sato", "n=1"],
            ),
            (
                r#"<189>a=1 msg="say \"hi\" a=b" c=2"#,
                vec!["a=1", "msg=say \"hi\" a=b", "c=2"],
            ),
            (r"user='corp\hana' x=", vec![r"user=corp\hana", "x="]),
            (r#"open="never closed"#, vec!["open=never closed"]),
            (r#"msg="one" msg="two""#, vec!["msg=one"]),
            (r#"a=1,b="x, y",c=3,4,d="#, vec!["a=1", "b=x, y", "c=3,4", "d="]),
            ("no fields at all", vec![]),
            ("= =x", vec![]),
            (r#"url="http://x/?q=1" z=1"#, vec!["url=http://x/?q=1", "z=1"]),
        ] {
            assert_eq!(fields(line), expected, "{line}");
        }
    }
}
