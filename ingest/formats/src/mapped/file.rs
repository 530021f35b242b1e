//! A map as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::MapError;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MapFile {
    pub(super) id: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) transports: String,
    #[serde(default = "ten")]
    pub(super) lateness_minutes: u64,
    #[serde(default)]
    pub(super) prepare: String,
    pub(super) record: RecordFile,
    #[serde(default)]
    pub(super) pattern: Vec<PatternFile>,
    #[serde(default)]
    pub(super) rule: Vec<RuleFile>,
    #[serde(default)]
    pub(super) columns: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(super) words: BTreeMap<String, BTreeMap<String, OneOrMany>>,
}

fn message() -> String {
    "message".to_owned()
}

const fn ten() -> u64 {
    10
}

/// How fields are made of the bytes of a record.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordFile {
    pub(super) shape: ShapeFile,
    /// How `auto` knows a record of JSON: groups of keys, of which one must be there as a whole.
    #[serde(default)]
    pub(super) keys: Vec<Vec<String>>,
    /// How `auto` knows a line of text: groups of words, of which one must be there as a whole.
    #[serde(default)]
    pub(super) contains: Vec<Vec<String>>,
    /// The field of a JSON object that holds the line, where a shipper or the source's own JSON wraps it.
    #[serde(default = "message")]
    pub(super) line: String,
    /// Objects in which fields are looked for before the record itself.
    #[serde(default)]
    pub(super) inside: OneOrMany,
    /// Lists of which each element is a record of its own, as a page of an API or a hook wraps them.
    #[serde(default)]
    pub(super) wrapped_in: OneOrMany,
    /// Lists of which each element is a row; the first that is there counts.
    #[serde(default)]
    pub(super) each: OneOrMany,
    /// The names of the columns of a table, in order.
    #[serde(default)]
    pub(super) headers: Vec<String>,
    /// Names for rows that have a word in a certain column; the first that fits counts.
    #[serde(default)]
    pub(super) layout: Vec<LayoutFile>,
    /// Where the address of the other end of a connection stands.
    #[serde(default)]
    pub(super) peer: OneOrMany,
    /// Where the addresses stand that a proxy forwards. They are believed only if the peer is a proxy that is
    /// trusted.
    #[serde(default)]
    pub(super) forwarded: OneOrMany,
    /// Other names that a field may have, by the name that the map uses: in the header of a table, as a key of a line, at
    /// the top of an object. A `*` at the end of both stands for the rest of a name.
    #[serde(default)]
    pub(super) aliases: BTreeMap<String, OneOrMany>,
    /// Lines by which a sender says that what it sent is not whole; `*` stands for any text.
    #[serde(default)]
    pub(super) cut: OneOrMany,
    /// What stands between the columns of a table; a comma unless said otherwise.
    pub(super) delimiter: Option<char>,
    /// Where the message of a line begins, as a regular expression, for devices that write what is no
    /// header of syslog before it.
    pub(super) starts: Option<String>,
    /// Forms of time stamps beside RFC 3339 and its relatives, as `strptime` has them.
    #[serde(default)]
    pub(super) time_formats: Vec<String>,
    /// What a time stamp without an offset means.
    #[serde(default)]
    pub(super) zone: ZoneFile,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShapeFile {
    /// A JSON object.
    Json,
    /// `key=value key="value"` or CEF, with or without a syslog header.
    KeyValue,
    /// A line that patterns match, with or without a syslog header.
    Text,
    /// A row of a table whose headers the map gives.
    Table,
    /// A row of a table that begins with its headers.
    Csv,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum ZoneFile {
    /// UTC.
    #[default]
    Utc,
    /// The zone of the settings.
    Local,
    /// A zone of the tz database.
    #[serde(untagged)]
    Named(String),
}

/// The names of the columns of some rows of a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayoutFile {
    /// Which column tells, counted from 0.
    pub(super) cell: usize,
    /// What stands in it.
    pub(super) is: String,
    pub(super) headers: Vec<String>,
}

/// A pattern over the message of a line; its named groups are fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PatternFile {
    /// The path to the field that it is matched with; of lines of text it is the message.
    pub(super) of: Option<String>,
    pub(super) matches: String,
    #[serde(default)]
    pub(super) set: BTreeMap<String, Scalar>,
}

/// What is set where the fields are so.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    #[serde(default)]
    pub(super) when: BTreeMap<String, OneOrMany>,
    pub(super) set: BTreeMap<String, Scalar>,
}

/// A text, or several of which any counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Written")]
pub(super) struct OneOrMany(pub(super) Vec<String>);

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a text, a whole number, true or false, or a list of such values"
)]
enum Written {
    One(Scalar),
    Many(Vec<Scalar>),
}

impl From<Written> for OneOrMany {
    fn from(written: Written) -> Self {
        match written {
            Written::One(one) => Self(vec![one.into_text()]),
            Written::Many(many) => Self(many.into_iter().map(Scalar::into_text).collect()),
        }
    }
}

/// A value as TOML writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text, a whole number, true or false")]
pub(super) enum Scalar {
    Text(String),
    Int(i64),
    Flag(bool),
}

impl Scalar {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Int(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

/// Reads the text of a map.
pub(super) fn parse(text: &str) -> Result<MapFile, MapError> {
    toml::from_str(text).map_err(|error| MapError::Syntax {
        line: error.span().map_or(1, |span| {
            text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
        }),
        message: error.message().to_owned(),
    })
}
