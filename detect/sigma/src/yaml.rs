//! YAML with the line of every node, read under a budget.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Spanned, budget, options};

use crate::problem::{Fault, ProblemKind};

/// The deepest nesting. A rule needs five levels.
const DEPTH_MAX: usize = 32;
/// The most documents of a file: a correlation and the rules it joins.
const DOCUMENTS_MAX: usize = 64;
/// The most values of a file. The largest public rule has about 3,000.
const NODES_MAX: usize = 50_000;
/// The most aliases of a file. Rules rarely use any.
const ALIASES_MAX: usize = 256;

/// A value and the line it stands at.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) value: Yaml,
}

#[derive(Clone, Debug)]
pub(crate) enum Yaml {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: u32,
    pub(crate) value: Node,
}

/// The documents of a text.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Fault> {
    let options = options! {
        budget: budget! {
            max_depth: DEPTH_MAX,
            max_documents: DOCUMENTS_MAX,
            max_nodes: NODES_MAX,
            max_aliases: ALIASES_MAX,
        },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options::<Spanned<Yaml>>(text, options)
        .map(|documents| documents.into_iter().map(node).collect())
        .map_err(|error| {
            let line = error.location().map_or(0, |location| line_of(location.line()));
            Fault::new(
                line,
                ProblemKind::Yaml,
                format!("the text is not readable as YAML: {error}"),
            )
        })
}

fn line_of(line: u64) -> u32 {
    line.try_into().unwrap_or(u32::MAX)
}

fn node(spanned: Spanned<Yaml>) -> Node {
    Node {
        line: line_of(spanned.referenced.line()),
        value: spanned.value,
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(i64::try_from(value).map_or_else(|_| Yaml::Text(value.to_string()), Yaml::Int))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Yaml, E> {
        Ok(i64::try_from(value).map_or_else(|_| Yaml::Text(value.to_string()), Yaml::Int))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Yaml, E> {
        Ok(i64::try_from(value).map_or_else(|_| Yaml::Text(value.to_string()), Yaml::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Yaml::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Yaml, E> {
        Ok(Yaml::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Yaml>>()? {
            items.push(node(item));
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Yaml, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = node(map.next_value::<Spanned<Yaml>>()?);
            entries.push(Entry {
                key: key.value,
                line: line_of(key.referenced.line()),
                value,
            });
        }
        Ok(Yaml::Map(entries))
    }
}

impl Node {
    fn kind(&self) -> &'static str {
        match self.value {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a truth value",
            Yaml::Int(_) | Yaml::Float(_) => "a number",
            Yaml::Text(_) => "a text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a map",
        }
    }

    /// A fault that this value is not what it should be.
    pub(crate) fn expected(&self, what: &str, expected: &str) -> Fault {
        Fault::new(
            self.line,
            ProblemKind::Value,
            format!("`{what}` is {}, expected {expected}", self.kind()),
        )
    }

    pub(crate) fn map(&self, what: &str) -> Result<&[Entry], Fault> {
        match &self.value {
            Yaml::Map(entries) => Ok(entries),
            _ => Err(self.expected(what, "a map")),
        }
    }

    /// The value under a key of a map; `None` if there is none or this is no map.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Yaml::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value)
                .filter(|value| !matches!(value.value, Yaml::Null)),
            _ => None,
        }
    }

    pub(crate) fn need(&self, key: &str, why: &str) -> Result<&Self, Fault> {
        self.get(key).ok_or_else(|| {
            Fault::new(
                self.line,
                ProblemKind::Missing,
                format!("`{key}` is missing, expected {why}"),
            )
        })
    }

    /// The items of a list; a single value counts as a list of one.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Yaml::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// A scalar as text.
    pub(crate) fn text(&self, what: &str) -> Result<String, Fault> {
        match &self.value {
            Yaml::Text(text) => Ok(text.clone()),
            Yaml::Bool(value) => Ok(value.to_string()),
            Yaml::Int(value) => Ok(value.to_string()),
            Yaml::Float(value) => Ok(value.to_string()),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => Err(self.expected(what, "a text")),
        }
    }

    pub(crate) fn text_opt(&self, key: &str) -> Result<Option<String>, Fault> {
        self.get(key).map(|value| value.text(key)).transpose()
    }

    /// A text, or a list of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, Fault> {
        self.get(key).map_or(Ok(Vec::new()), |value| {
            value.items().iter().map(|item| item.text(key)).collect()
        })
    }

    /// As JSON, for the parameters of native detectors.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Yaml::Null => serde_json::Value::Null,
            Yaml::Bool(value) => (*value).into(),
            Yaml::Int(value) => (*value).into(),
            Yaml::Float(value) => (*value).into(),
            Yaml::Text(value) => value.as_str().into(),
            Yaml::List(items) => items.iter().map(Self::to_json).collect(),
            Yaml::Map(entries) => {
                let fields = entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json()));
                serde_json::Value::Object(fields.collect())
            }
        }
    }
}
