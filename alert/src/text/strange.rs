//! What is unlike a person's past: what it is, what is usual instead, and who else in the firm has it.

use sekisho_model::Lang;
use serde_json::Value;

use super::place::country;
use super::shown;
use super::words::{Words, fill, word};

/// The most differences that a sentence names.
const DIFFERENCES_MAX: usize = 5;

/// The differences, the greatest first; none if none is known.
pub(super) fn written(value: &Value, lang: Lang, words: &Words) -> Option<String> {
    let differences = value.as_array()?.iter().take(DIFFERENCES_MAX);
    let texts: Vec<String> = differences.filter_map(|one| difference(one, lang, words)).collect();
    (!texts.is_empty()).then(|| texts.join(words.comma))
}

fn difference(one: &Value, lang: Lang, words: &Words) -> Option<String> {
    let feature = one["feature"].as_str()?;
    let now = named(feature, one["value"].as_str()?, one["name"].as_str(), lang, words);
    let others = match one["colleagues"].as_u64()? {
        0 => words.nobody_else.to_owned(),
        1 => words.one_other.to_owned(),
        count => fill(words.others, &[("count", count.to_string())]),
    };
    let mut values = vec![
        ("feature", word(words.fields, feature)?.to_owned()),
        ("now", now),
        ("others", others),
    ];
    let usual = one["usual"]
        .as_str()
        .filter(|usual| Some(*usual) != one["value"].as_str());
    let template = match usual {
        Some(usual) => {
            values.push(("usual", named(feature, usual, None, lang, words)));
            words.unlike_usual
        }
        None => words.unlike,
    };
    Some(fill(template, &values))
}

/// The value of a feature, as people call it.
fn named(feature: &str, value: &str, name: Option<&str>, lang: Lang, words: &Words) -> String {
    match (feature, name) {
        ("country", _) => country(value, lang),
        ("network", Some(name)) => fill(words.named_network, &[("name", shown(name)), ("number", shown(value))]),
        ("network", None) => format!("AS{}", shown(value)),
        _ => word(words.values, value).map_or_else(|| shown(value), str::to_owned),
    }
}
