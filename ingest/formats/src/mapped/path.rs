//! Paths from a record to a value.

use std::borrow::Cow;
use std::fmt;

use super::MapError;
use crate::json::{Json, embedded};

/// A path: `actor.email`, `target[type=User].id`, `events[0].name`; or several, of which any counts:
/// `name|eventName`; or a part of a text: `arn[after=/]`, `arn[before=/]`.
///
/// Keys are compared without case. Lists on the way are entered, every element of them; a list of
/// pairs (`[{"name": …, "value": …}]`) is entered by name, and so is a string that holds JSON. A key with
/// a dot in it stands in quotes: `actor.'.tag'`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Path {
    text: String,
    ways: Vec<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    /// The element at this place of a list.
    Place(usize),
    /// The elements of a list that have this value under this key.
    Which(String, String),
    /// What of a text follows the last of these.
    After(String),
    /// What of a text stands before the last of these.
    Before(String),
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Path {
    /// Reads a path.
    pub(super) fn parse(text: &str) -> Result<Self, MapError> {
        let ways = split(text, '|').into_iter().map(|way| way_of(text, way.trim()));
        Ok(Self {
            text: text.to_owned(),
            ways: ways.collect::<Result<_, _>>()?,
        })
    }

    /// Calls `found` with each value that the path leads to, until it returns true. Returns whether it
    /// did.
    pub(super) fn visit(&self, json: &Json<'_>, found: &mut dyn FnMut(&Json<'_>) -> bool) -> bool {
        self.ways.iter().any(|steps| follow(json, steps, found))
    }
}

/// The steps of `way`, which is a path of `text`.
fn way_of(text: &str, way: &str) -> Result<Vec<Step>, MapError> {
    let wrong = |what: &str| MapError::value(text, format!("{what}, expected a path such as `target[type=User].id`"));
    let mut steps = Vec::new();
    for part in split(way, '.') {
        let (key, mut rest) = part.find('[').map_or((part, ""), |at| part.split_at(at));
        let key = key.trim_matches('\'');
        if key.is_empty() {
            return Err(wrong("a key is empty"));
        }
        if key.contains(['{', '}']) {
            return Err(wrong("a brace in a key"));
        }
        steps.push(Step::Key(key.to_owned()));
        while let Some(inner) = rest.strip_prefix('[') {
            let (inner, after) = inner.split_once(']').ok_or_else(|| wrong("a bracket is not closed"))?;
            steps.push(match inner.split_once('=') {
                Some(("after", end)) => Step::After(end.to_owned()),
                Some(("before", end)) => Step::Before(end.to_owned()),
                Some((key, value)) => Step::Which(key.to_owned(), value.to_owned()),
                None => Step::Place(inner.parse().map_err(|_| wrong("not a number in brackets"))?),
            });
            rest = after;
        }
        if !rest.is_empty() {
            return Err(wrong("text follows a bracket"));
        }
    }
    Ok(steps)
}

/// The parts between separators; one in brackets or quotes is none.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut quoted) = (0_u32, false);
    text.split(|c| {
        match c {
            '\'' => quoted = !quoted,
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == separator && depth == 0 && !quoted
    })
    .collect()
}

fn follow(json: &Json<'_>, steps: &[Step], found: &mut dyn FnMut(&Json<'_>) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return match json {
            Json::Null => false,
            Json::List(elements) => elements.iter().any(|element| follow(element, &[], found)),
            value => found(value),
        };
    };
    match (json, step) {
        (Json::Object(_), Step::Key(key)) => match json.get(key) {
            Some(value) => follow(value, rest, found),
            None => dotted(json, key, rest, found) || custom_table(json, key, rest, found),
        },
        (Json::List(elements), Step::Place(place)) => {
            elements.get(*place).is_some_and(|element| follow(element, rest, found))
        }
        (Json::List(elements), Step::Which(key, value)) => elements
            .iter()
            .filter(|element| {
                element
                    .get(key)
                    .and_then(Json::text)
                    .is_some_and(|text| text.eq_ignore_ascii_case(value))
            })
            .any(|element| follow(element, rest, found)),
        (Json::List(elements), Step::Key(key)) => {
            elements.iter().any(|element| follow(element, steps, found))
                || elements
                    .iter()
                    .filter_map(|element| element.pair(key))
                    .any(|value| follow(value, rest, found))
        }
        // What is one object where others have a list of them.
        (Json::Object(_), Step::Place(0)) => follow(json, rest, found),
        (Json::Object(_), Step::Which(key, value)) => {
            json.get(key)
                .and_then(Json::text)
                .is_some_and(|text| text.eq_ignore_ascii_case(value))
                && follow(json, rest, found)
        }
        (Json::Text(text), Step::After(end)) => text
            .rsplit_once(end.as_str())
            .is_some_and(|(_, part)| follow(&Json::Text(part.into()), rest, found)),
        (Json::Text(text), Step::Before(end)) => text
            .rsplit_once(end.as_str())
            .is_some_and(|(part, _)| follow(&Json::Text(part.into()), rest, found)),
        (Json::Text(text), _) => embedded(text).is_some_and(|inner| follow(&inner, steps, found)),
        _ => false,
    }
}

/// A key that itself contains dots, as flattened records have.
fn dotted(json: &Json<'_>, key: &str, rest: &[Step], found: &mut dyn FnMut(&Json<'_>) -> bool) -> bool {
    let Json::Object(members) = json else { return false };
    if rest.is_empty() || !members.iter().any(|(name, _)| name.contains('.')) {
        return false;
    }
    let mut whole = key.to_owned();
    for (place, step) in rest.iter().enumerate() {
        let Step::Key(next) = step else { return false };
        whole.push('.');
        whole.push_str(next);
        if let Some(value) = json.get(&whole) {
            return follow(value, rest.get(place + 1..).unwrap_or_default(), found);
        }
    }
    false
}

/// What the tables of a Log Analytics workspace append to the name of a column, by its kind:
/// <https://learn.microsoft.com/en-us/azure/azure-monitor/logs/data-collector-api#record-type-and-properties>.
const KINDS: [&str; 5] = ["_s", "_t", "_g", "_d", "_b"];

/// A key in a row of a custom table (`Okta_CL`), which has `actor.id` as `actor_id_s`.
fn custom_table(json: &Json<'_>, key: &str, rest: &[Step], found: &mut dyn FnMut(&Json<'_>) -> bool) -> bool {
    let Json::Object(members) = json else { return false };
    // Asked for every path that leads nowhere, so by the one way it is written.
    let is_custom = |(name, value): &(Cow<'_, str>, Json<'_>)| {
        name == "Type" && matches!(value, Json::Text(table) if table.ends_with("_CL"))
    };
    if !members.iter().any(is_custom) {
        return false;
    }
    let mut whole = key.to_owned();
    for place in 0..=rest.len() {
        let after = rest.get(place..).unwrap_or_default();
        let values = KINDS.iter().filter_map(|kind| json.get(&format!("{whole}{kind}")));
        if values.into_iter().any(|value| follow(value, after, found)) {
            return true;
        }
        let Some(Step::Key(next)) = rest.get(place) else {
            return false;
        };
        whole.push('_');
        whole.push_str(next);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{
        "actor": {"email": "hana@example.co.jp"},
        "target": [{"type": "App", "id": 1}, {"type": "User", "id": 2}, {"type": "User", "id": 3}],
        "parameters": [{"name": "login_type", "value": "saml"}, {"name": "second", "boolValue": true}],
        "user.name": "taro", "kind": {".tag": "t"}, "deep": {"a.b": {"c": "x"}},
        "inner": "{\"code\": 7}", "words": ["a", "b"], "none": null, "empty": []
    }"#;

    fn all(path: &str) -> Vec<String> {
        let record = Json::parse(RECORD).unwrap();
        let mut values = Vec::new();
        Path::parse(path).unwrap().visit(&record, &mut |value| {
            values.push(value.to_string().trim_matches('"').to_owned());
            false
        });
        values
    }

    #[test]
    fn a_path_leads_to_every_value_in_order() {
        for (path, expected) in [
            ("actor.email", vec!["hana@example.co.jp"]),
            ("Actor.EMAIL", vec!["hana@example.co.jp"]),
            ("target.id", vec!["1", "2", "3"]),
            ("target[1].id", vec!["2"]),
            ("target[type=User].id", vec!["2", "3"]),
            ("target[type=user][0].id", vec!["2", "3"]),
            ("parameters.login_type", vec!["saml"]),
            ("parameters.second", vec!["true"]),
            ("user.name", vec!["taro"]),
            ("kind.'.tag'", vec!["t"]),
            ("deep.a.b.c", vec!["x"]),
            ("inner.code", vec!["7"]),
            ("words", vec!["a", "b"]),
            ("none", vec![]),
            ("empty", vec![]),
            ("actor[type=x].email", vec![]),
            ("missing | actor.email", vec!["hana@example.co.jp"]),
            ("words|user.name", vec!["a", "b", "taro"]),
            ("actor.email[after=@]", vec!["example.co.jp"]),
            ("actor.email[before=.jp][after=.]", vec!["co"]),
            ("actor.email[after=/]", vec![]),
            ("missing.x", vec![]),
        ] {
            assert_eq!(all(path), expected, "{path}");
        }
    }

    #[test]
    fn a_row_of_a_custom_table_has_the_keys_of_its_record() {
        let row =
            r#"{"Type": "Okta_CL", "actor_id_s": "1", "uuid_g": "2", "target_s": "[{\"type\": \"User\", \"id\": 3}]"}"#;
        for (path, row, expected) in [
            ("actor.id", row, Some("1")),
            ("uuid", row, Some("2")),
            ("target[type=User].id", row, Some("3")),
            ("actor.name", row, None),
            ("uuid", r#"{"Type": "Okta", "uuid_g": "2"}"#, None),
        ] {
            let mut found = None;
            Path::parse(path)
                .unwrap()
                .visit(&Json::parse(row).unwrap(), &mut |value| {
                    found = value.text().map(Cow::into_owned);
                    true
                });
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_none_is_an_error() {
        for path in ["", "a..b", "a[", "a[x]", "a[0]b", "[0]", "a|", "a||b", "a{b", "''"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
