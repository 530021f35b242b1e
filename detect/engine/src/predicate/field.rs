//! Reading a field of a rule from the columns of a batch.

use std::borrow::Cow;
use std::sync::Arc;

use sekisho_model::projection::VALUES_SEPARATOR;
use sekisho_model::{Column, EventBatch, Kind, Texts, Time};

/// Where the value of a field may stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// In a column.
    Column(Column),
    /// In a side column, under this path in lower case.
    Native(Arc<str>),
    /// In an integer column, as a word.
    Words(Column, Arc<[(i64, Arc<str>)]>),
    /// In a text column, by another name.
    Names(Column, Arc<[(Arc<str>, Arc<str>)]>),
    /// Nowhere: it is the same for every event of the source.
    Always(Arc<str>),
}

/// A field of a rule: the first access that has a value counts, or any of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    accesses: Arc<[Access]>,
    any: bool,
}

impl Field {
    /// A field of these accesses.
    pub fn new(accesses: Vec<Access>) -> Self {
        Self {
            accesses: accesses.into(),
            any: false,
        }
    }

    /// A field of which every access counts that has a value.
    pub fn any(accesses: Vec<Access>) -> Self {
        Self {
            any: true,
            ..Self::new(accesses)
        }
    }

    /// The fields of which one must meet a test.
    pub fn alternatives(&self) -> Vec<Self> {
        if self.any {
            self.accesses
                .iter()
                .map(|access| Self::new(vec![access.clone()]))
                .collect()
        } else {
            vec![self.clone()]
        }
    }

    /// The field that is a column.
    pub fn column(column: Column) -> Self {
        Self::new(vec![Access::Column(column)])
    }

    /// The accesses, in order.
    pub fn accesses(&self) -> &[Access] {
        &self.accesses
    }

    /// The native paths it reads.
    pub fn native_paths(&self) -> impl Iterator<Item = &Arc<str>> {
        self.accesses.iter().filter_map(|access| match access {
            Access::Native(path) => Some(path),
            Access::Column(_) | Access::Words(..) | Access::Names(..) | Access::Always(_) => None,
        })
    }

    /// The type of its values, if it is a column that is not text.
    pub fn kind(&self) -> Option<Kind> {
        match &*self.accesses {
            [Access::Column(column)] => {
                Some(column.spec().kind).filter(|kind| !matches!(kind, Kind::Dict | Kind::Text))
            }
            _ => None,
        }
    }

    /// Ready to be read from a batch.
    pub fn reader<'b>(&self, batch: &'b EventBatch) -> Reader<'b> {
        Reader {
            parts: self
                .accesses
                .iter()
                .filter_map(|access| Part::of(access, batch))
                .collect(),
        }
    }
}

/// A field of a batch.
#[derive(Debug)]
pub struct Reader<'b> {
    parts: Vec<Part<'b>>,
}

#[derive(Debug)]
enum Part<'b> {
    Texts(Texts<'b>),
    Side(Texts<'b>),
    Other(&'b EventBatch, Column),
    Words(&'b EventBatch, Column, Arc<[(i64, Arc<str>)]>),
    Names(Texts<'b>, Arc<[(Arc<str>, Arc<str>)]>),
    Always(Arc<str>),
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'b> {
    /// A text.
    Text(Cow<'b, str>),
    /// Several texts, with [`VALUES_SEPARATOR`] between them.
    Several(&'b str),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A time, in microseconds, or a date, in days.
    When(i64, Kind),
}

impl<'b> Part<'b> {
    fn of(access: &Access, batch: &'b EventBatch) -> Option<Self> {
        Some(match access {
            Access::Column(column) => match column.spec().kind {
                Kind::Dict | Kind::Text => Self::Texts(batch.texts(*column)),
                _ => Self::Other(batch, *column),
            },
            Access::Native(path) => Self::Side(batch.side(path)?),
            Access::Words(column, words) => Self::Words(batch, *column, Arc::clone(words)),
            Access::Names(column, names) => Self::Names(batch.texts(*column), Arc::clone(names)),
            Access::Always(value) => Self::Always(Arc::clone(value)),
        })
    }

    fn get(&self, row: usize) -> Option<Value<'b>> {
        match self {
            Self::Texts(texts) => texts.get(row).map(|text| Value::Text(Cow::Borrowed(text))),
            Self::Side(texts) => texts.get(row).map(Value::side),
            Self::Other(batch, column) => match column.spec().kind {
                Kind::Float64 => batch.float(*column, row).map(Value::Float),
                Kind::Bool => batch.flag(*column, row).map(Value::Bool),
                kind @ (Kind::Time | Kind::Date) => batch.int(*column, row).map(|value| Value::When(value, kind)),
                _ => batch.int(*column, row).map(Value::Int),
            },
            Self::Words(batch, column, words) => {
                let number = batch.int(*column, row)?;
                let (_, word) = words.iter().find(|(key, _)| *key == number)?;
                Some(Value::Text(Cow::Owned(word.to_string())))
            }
            Self::Names(texts, names) => {
                let value = texts.get(row)?;
                let (_, name) = names.iter().find(|(key, _)| **key == *value)?;
                Some(Value::Text(Cow::Owned(name.to_string())))
            }
            Self::Always(value) => Some(Value::Text(Cow::Owned(value.to_string()))),
        }
    }
}

impl<'b> Reader<'b> {
    /// The value in a row.
    pub fn get(&self, row: usize) -> Option<Value<'b>> {
        self.parts.iter().find_map(|part| part.get(row))
    }

    /// The value in a row as text, as NDJSON shows it.
    pub fn text(&self, row: usize) -> Option<Cow<'b, str>> {
        self.get(row).map(Value::into_text)
    }

    /// The column, if it is the only one and of text.
    pub(crate) fn only_texts(&self) -> Option<(Texts<'b>, bool)> {
        match self.parts.as_slice() {
            [Part::Texts(texts)] => Some((*texts, false)),
            [Part::Side(texts)] => Some((*texts, true)),
            _ => None,
        }
    }
}

impl<'b> Value<'b> {
    /// The value of a side column.
    pub(crate) fn side(text: &'b str) -> Self {
        if text.contains(VALUES_SEPARATOR) {
            Self::Several(text)
        } else {
            Self::Text(Cow::Borrowed(text))
        }
    }

    /// As text, as NDJSON shows it.
    pub fn into_text(self) -> Cow<'b, str> {
        match self {
            Self::Text(text) => text,
            Self::Several(text) => Cow::Borrowed(text),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::Float(value) => Cow::Owned(value.to_string()),
            Self::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Self::When(value, Kind::Date) => {
                let midnight = Time::from_secs(value.saturating_mul(86_400)).to_string();
                Cow::Owned(midnight.chars().take(10).collect())
            }
            Self::When(value, _) => Cow::Owned(Time(value).to_string()),
        }
    }
}
