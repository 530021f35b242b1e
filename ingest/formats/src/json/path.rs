//! Paths as rules write them, and the side columns that are filled from them.

use sekisho_model::EventBuilder;
use sekisho_model::projection::VALUES_SEPARATOR;

use super::Json;
use super::value::embedded;

/// The longest value of a side column, in bytes; what follows is cut off. Rules look for words and
/// for short values, and a record may be repeated in as many side columns as there are paths.
const SIDE_BYTES_MAX: usize = 64 * 1024;

/// Rules for Azure write this prefix or leave it out; records have it or not.
const AZURE_PREFIX: &str = "properties.";

/// Sets the side columns of the row in hand. A path is looked up in each of `roots` in turn, with
/// the prefix `properties.` and without it; the first that has it counts.
pub(crate) fn fill_side(rows: &mut EventBuilder, roots: &[&Json<'_>]) {
    let found: Vec<(usize, String)> = rows
        .side_paths()
        .enumerate()
        .filter_map(|(index, path)| Some((index, look_up(roots, path)?)))
        .collect();
    for (index, value) in found {
        rows.side(index, &value);
    }
}

fn look_up(roots: &[&Json<'_>], path: &str) -> Option<String> {
    let bare = strip_prefix_ignoring_case(path, AZURE_PREFIX);
    roots
        .iter()
        .flat_map(|root| std::iter::once((root, path)).chain(bare.map(|bare| (root, bare))))
        .find_map(|(root, path)| {
            let mut values = Values::default();
            find(root, path, &mut values);
            values.0
        })
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// What a path led to.
#[derive(Default)]
struct Values(Option<String>);

impl Values {
    fn add(&mut self, value: &str) {
        let text = match &mut self.0 {
            Some(text) => {
                text.push(VALUES_SEPARATOR);
                text
            }
            none => none.insert(String::new()),
        };
        let room = SIDE_BYTES_MAX.saturating_sub(text.len());
        text.push_str(value.get(..value.floor_char_boundary(room)).unwrap_or_default());
    }

    /// A scalar, each of a list of scalars, or an object as compact JSON.
    fn add_all(&mut self, json: &Json<'_>) {
        match json {
            Json::List(elements) if !elements.is_empty() && elements.iter().all(|element| element.text().is_some()) => {
                for text in elements.iter().filter_map(Json::text) {
                    self.add(&text);
                }
            }
            Json::List(_) | Json::Object(_) => self.add(&json.to_string()),
            Json::Null => {}
            Json::Flag(_) | Json::Number(_) | Json::Text(_) => self.add(&json.text().unwrap_or_default()),
        }
    }
}

/// Follows `path`: through objects by key, through arrays into every element, through pairs by name,
/// and into strings that hold JSON. A key may itself contain dots.
fn find(json: &Json<'_>, path: &str, values: &mut Values) {
    match json {
        Json::Object(_) => {
            if let Some(value) = json.get(path) {
                values.add_all(value);
            } else if let Some((value, rest)) = step(json, path) {
                find(value, rest, values);
            }
        }
        Json::List(elements) => {
            let before = values.0.is_some();
            for element in elements {
                find(element, path, values);
            }
            if values.0.is_some() == before {
                elements
                    .iter()
                    .filter_map(|pair| pair.pair(path))
                    .for_each(|value| values.add_all(value));
            }
        }
        Json::Text(text) => {
            if let Some(inner) = embedded(text) {
                find(&inner, path, values);
            }
        }
        Json::Null | Json::Flag(_) | Json::Number(_) => {}
    }
}

/// The value under the first part of a path that is a key, and the rest of the path.
fn step<'j, 'a, 'p>(json: &'j Json<'a>, path: &'p str) -> Option<(&'j Json<'a>, &'p str)> {
    path.match_indices('.').find_map(|(dot, _)| {
        let (key, rest) = path.split_at_checked(dot)?;
        Some((json.get(key)?, rest.strip_prefix('.')?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{
        "resultType": 50126,
        "properties": {
            "status": {"errorCode": 50126},
            "targetResources": [
                {"type": "User", "modifiedProperties": [{"displayName": "Role.DisplayName", "newValue": "\"Admin\""}]},
                {"type": "Role", "modifiedProperties": []}
            ],
            "additionalDetails": [{"key": "User-Agent", "value": "curl/8"}],
            "networkLocationDetails": []
        },
        "Parameters": [{"Name": "ForwardTo", "Value": "x@example.com"}, {"Name": "Enabled", "Value": true}],
        "tags": ["a", "b"],
        "deviceDetail": "{\"browser\": \"Edge\"}",
        "dotted.key": "yes",
        "nothing": null
    }"#;

    fn found(path: &str) -> Option<String> {
        let record = Json::parse(RECORD).unwrap();
        let properties = record.get("properties").unwrap();
        look_up(&[&record, properties], path)
    }

    #[test]
    fn paths_are_found_as_rules_write_them() {
        for (path, expected) in [
            ("resultType", "50126"),
            ("ResultType", "50126"),
            ("properties.resultType", "50126"),
            ("properties.status.errorCode", "50126"),
            ("Status.ErrorCode", "50126"),
            ("targetResources.type", "User\u{1e}Role"),
            ("TargetResources.ModifiedProperties.NewValue", "\"Admin\""),
            ("targetResources.modifiedProperties.Role.DisplayName", "\"Admin\""),
            ("additionalDetails.User-Agent", "curl/8"),
            ("networkLocationDetails", "[]"),
            ("Parameters.ForwardTo", "x@example.com"),
            ("Parameters.Enabled", "true"),
            ("additionalDetails", r#"[{"key":"User-Agent","value":"curl/8"}]"#),
            ("tags", "a\u{1e}b"),
            ("deviceDetail.browser", "Edge"),
            ("dotted.key", "yes"),
        ] {
            assert_eq!(found(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_there_is_null() {
        for path in [
            "nothing",
            "missing",
            "properties.missing",
            "tags.x",
            "resultType.x",
            "",
            ".",
            "Parameters.x",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let record = format!(r#"{{"a": "{}"}}"#, "あ".repeat(SIDE_BYTES_MAX));
        let value = look_up(&[&Json::parse(&record).unwrap()], "a").unwrap();
        assert!(value.len() <= SIDE_BYTES_MAX && value.len() > SIDE_BYTES_MAX - 3);
    }
}
