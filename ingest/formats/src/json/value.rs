//! A value of JSON that borrows from the text it was read from.

use std::borrow::Cow;
use std::fmt;

use sekisho_model::EventBuilder;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::Number;

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, in the order of the text.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// The value under `key`: that of the key written so, else of a key that differs by case only. Of
    /// keys written twice the last one counts.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .or_else(|| members.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key)))
            .map(|(_, value)| value)
    }

    /// The value under `key` as text, if there is one and it means something.
    pub(crate) fn text_at(&self, key: &str) -> Option<Cow<'_, str>> {
        self.get(key)?.text().filter(|text| !EventBuilder::means_nothing(text))
    }

    /// The object or array under `key`; exports write it as a string of JSON.
    pub(crate) fn part<'b>(&'b self, key: &str) -> Option<Cow<'b, Json<'b>>> {
        let value = self.get(key)?;
        match value {
            Self::List(_) | Self::Object(_) => Some(Cow::Borrowed(value)),
            Self::Text(text) => embedded(text).map(Cow::Owned),
            Self::Null | Self::Flag(_) | Self::Number(_) => None,
        }
    }

    /// A scalar as text.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Flag(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// A whole number, also if it is written as text.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Flag(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// A number, also if it is written as text.
    pub(crate) fn float(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Null | Self::Flag(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// A truth value, also if it is written as text.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Self::Null | Self::Number(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The elements of an array; of anything else, none.
    pub(crate) fn elements(&self) -> &[Json<'a>] {
        match self {
            Self::List(elements) => elements,
            Self::Null | Self::Flag(_) | Self::Number(_) | Self::Text(_) | Self::Object(_) => &[],
        }
    }

    /// The value that an array of pairs has under `name`: `[{"Name": name, "Value": …}]`.
    pub(crate) fn named(&self, name: &str) -> Option<&Self> {
        self.elements().iter().find_map(|pair| pair.pair(name))
    }

    /// Its value, if it is a pair of that name.
    pub(crate) fn pair(&self, name: &str) -> Option<&Self> {
        let named = ["Name", "key", "displayName"]
            .iter()
            .any(|key| matches!(self.get(key), Some(Self::Text(text)) if text.eq_ignore_ascii_case(name)));
        if !named {
            return None;
        }
        [
            "Value",
            "NewValue",
            "intValue",
            "boolValue",
            "multiValue",
            "multiStrValue",
            "multiIntValue",
        ]
        .iter()
        .find_map(|key| self.get(key))
    }
}

/// The object or array that a string holds as JSON.
pub(crate) fn embedded(text: &str) -> Option<Json<'_>> {
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        Json::parse(text).ok()
    } else {
        None
    }
}

/// Compact JSON.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(elements) => {
                let mut list = serializer.serialize_seq(Some(elements.len()))?;
                elements
                    .iter()
                    .try_for_each(|element| list.serialize_element(element))?;
                list.end()
            }
            Self::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                members
                    .iter()
                    .try_for_each(|(key, value)| object.serialize_entry(key, value))?;
                object.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_without_case_and_the_one_written_so_comes_first() {
        let json = Json::parse(r#"{"userid": "lower", "UserId": "exact", "Id": 1, "Id": 2}"#).unwrap();
        assert_eq!(json.text_at("UserId").as_deref(), Some("exact"));
        assert_eq!(json.text_at("USERID").as_deref(), Some("exact"));
        assert_eq!(json.get("id").unwrap().int(), Some(2));
        assert_eq!(json.get("none"), None);
    }

    #[test]
    fn numbers_and_flags_may_be_written_as_text() {
        let json = Json::parse(r#"{"a": "50126", "b": 50126, "c": "True", "d": false, "e": "-", "f": 1.5}"#).unwrap();
        assert_eq!(json.get("a").unwrap().int(), json.get("b").unwrap().int());
        assert_eq!(json.get("c").unwrap().flag(), Some(true));
        assert_eq!(json.get("d").unwrap().flag(), Some(false));
        assert_eq!(json.text_at("b").as_deref(), Some("50126"));
        assert_eq!(json.text_at("e"), None);
        assert_eq!(json.get("f").unwrap().float(), Some(1.5));
    }

    #[test]
    fn an_object_may_be_written_as_a_string() {
        let json = Json::parse(r#"{"status": "{\"errorCode\": 0}", "other": "text"}"#).unwrap();
        assert_eq!(json.part("status").unwrap().get("errorcode").unwrap().int(), Some(0));
        assert_eq!(json.part("other"), None);
    }

    #[test]
    fn it_is_written_as_compact_json() {
        let text = r#"{"a":[1,-2,2.5,"x\n",null,true],"b":{}}"#;
        assert_eq!(Json::parse(text).unwrap().to_string(), text);
    }
}
