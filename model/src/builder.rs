//! Building a batch row by row, which only decoding does.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder,
    StringBuilder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};

use crate::schema::{BATCH_SCHEMA, COLUMNS, Kind};
use crate::{Column, EventBatch, Projection, Raw, Time, Wrapping, ids};

/// Words by which sources say that there is no value.
const NOTHING: [&str; 8] = [
    "",
    "-",
    "N/A",
    "null",
    "(null)",
    "*****",
    "Not Available",
    "HIDDEN_DUE_TO_SECURITY_REASONS",
];

/// Builds an [`EventBatch`].
///
/// A row is begun with [`begin`](Self::begin), which fills the columns that every record has; its
/// values are set in any order (the last one set counts), and [`end`](Self::end) completes it.
pub struct EventBuilder {
    columns: Vec<ColumnBuilder>,
    side: Vec<(Arc<str>, StringDictionaryBuilder<Int32Type>)>,
    row: Row,
    rows: usize,
    wrapping: Option<Wrapping>,
}

impl fmt::Debug for EventBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBuilder")
            .field("rows", &self.rows)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

/// The row in hand. Text lies in one buffer that is used again for each row.
#[derive(Debug, Default)]
struct Row {
    text: String,
    values: Vec<Slot>,
    side: Vec<Slot>,
    native_id: Option<String>,
    index: u32,
}

#[derive(Clone, Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Text(Range<usize>),
    Int(i64),
    Float(f64),
}

enum ColumnBuilder {
    Dict(StringDictionaryBuilder<Int32Type>),
    Text(StringBuilder),
    Time(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Bool(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
}

impl EventBuilder {
    /// A builder with a side column for each path of the projection.
    pub fn new(projection: &Projection) -> Self {
        Self {
            columns: COLUMNS.iter().map(|spec| ColumnBuilder::new(spec.kind)).collect(),
            side: projection
                .paths()
                .iter()
                .map(|path| (Arc::clone(path), StringDictionaryBuilder::new()))
                .collect(),
            row: Row::default(),
            rows: 0,
            wrapping: None,
        }
    }

    /// How many rows are complete.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row is complete.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The paths of the side columns, in order.
    pub fn side_paths(&self) -> impl Iterator<Item = &str> {
        self.side.iter().map(|(path, _)| &**path)
    }

    /// Says what the line came in that is read next; rows of that line have it in `raw`.
    pub fn wrap(&mut self, wrapping: Option<Wrapping>) {
        self.wrapping = wrapping;
    }

    /// Begins a row for `raw`, read by the parser `source`. `index` tells apart the rows of one
    /// record.
    pub fn begin(&mut self, raw: &Raw<'_>, source: &str, index: u32) {
        self.row.text.clear();
        self.row.values.clear();
        self.row.values.resize(COLUMNS.len(), Slot::Empty);
        self.row.side.clear();
        self.row.side.resize(self.side.len(), Slot::Empty);
        self.row.native_id = None;
        self.row.index = index;
        self.time(Column::IngestTime, raw.observed);
        self.verbatim(Column::Tenant, &raw.origin.tenant);
        self.verbatim(Column::Source, source);
        self.verbatim(Column::Origin, &raw.origin.label);
        // Sound text is the rule, and checked many times faster than unsound text is mended.
        match std::str::from_utf8(raw.bytes) {
            Ok(text) => self.verbatim(Column::Raw, text),
            Err(_) => self.verbatim(Column::Raw, &String::from_utf8_lossy(raw.bytes)),
        }
        self.begin_wrapped(raw, index);
        self.verbatim(Column::Log, &raw.origin.log);
        self.int(Column::Offset, raw.offset);
        self.int(Column::ClassUid, 0);
        self.verbatim(Column::Activity, "other");
        self.int(Column::StatusId, 0);
        self.verbatim(Column::ParseStatus, "ok");
        if raw.origin.backfill {
            self.flag(Column::Backfill, true);
        }
    }

    /// Rows of other lines, which a format kept until now, have nothing to do with the wrapping.
    fn begin_wrapped(&mut self, raw: &Raw<'_>, index: u32) {
        let Some(wrapping) = self.wrapping.take_if(|wrapping| wrapping.line == raw.bytes) else {
            return;
        };
        self.verbatim(Column::Raw, &wrapping.record);
        if let Some(id) = &wrapping.native_id {
            self.native_id(id);
            if index > 0 {
                self.number_native_id(index);
            }
        }
        self.wrapping = Some(wrapping);
    }

    /// Sets a text column; a word that means "no value" leaves it null.
    pub fn text(&mut self, column: Column, value: &str) {
        if !Self::means_nothing(value) {
            self.verbatim(column, value.trim());
        }
    }

    /// Whether it is a word by which sources say that there is no value.
    pub fn means_nothing(value: &str) -> bool {
        NOTHING.contains(&value.trim())
    }

    /// Sets a text column, if there is a value.
    pub fn text_opt(&mut self, column: Column, value: Option<&str>) {
        if let Some(value) = value {
            self.text(column, value);
        }
    }

    /// Takes a value away again.
    pub fn clear(&mut self, column: Column) {
        self.set(column, Slot::Empty);
    }

    /// Sets a text column to exactly this.
    pub fn verbatim(&mut self, column: Column, value: &str) {
        let slot = self.row.keep(value);
        self.set(column, slot);
    }

    /// Sets an integer column. A value that does not fit the column leaves it null.
    pub fn int(&mut self, column: Column, value: i64) {
        self.set(column, Slot::Int(value));
    }

    /// Sets an integer column, if there is a value.
    pub fn int_opt(&mut self, column: Column, value: Option<i64>) {
        if let Some(value) = value {
            self.int(column, value);
        }
    }

    /// Sets a floating-point column.
    pub fn float(&mut self, column: Column, value: f64) {
        self.set(column, Slot::Float(value));
    }

    /// Sets a truth column.
    pub fn flag(&mut self, column: Column, value: bool) {
        self.set(column, Slot::Int(value.into()));
    }

    /// Sets a time column.
    pub fn time(&mut self, column: Column, value: Time) {
        self.set(column, Slot::Int(value.0));
    }

    /// Says that the record was readable but a field of it was not.
    pub fn partial(&mut self) {
        self.verbatim(Column::ParseStatus, "partial");
    }

    /// Names the row by the vendor's own id instead of by its position.
    pub fn native_id(&mut self, id: &str) {
        if !NOTHING.contains(&id) {
            self.row.native_id = Some(id.to_owned());
        }
    }

    /// Tells the rows apart that one record with an id of its own becomes.
    pub fn number_native_id(&mut self, place: u32) {
        if let Some(id) = &mut self.row.native_id {
            *id = format!("{id}#{place}");
        }
    }

    /// Sets the side column at `index`, in the order of the projection.
    pub fn side(&mut self, index: usize, value: &str) {
        let slot = self.row.keep(value);
        if let Some(place) = self.row.side.get_mut(index) {
            *place = slot;
        }
    }

    /// The value that the row in hand has in a text column.
    pub fn current(&self, column: Column) -> Option<&str> {
        match self.row.values.get(column.index()) {
            Some(Slot::Text(range)) => self.row.text.get(range.clone()),
            Some(Slot::Empty | Slot::Int(_) | Slot::Float(_)) | None => None,
        }
    }

    /// The value that the row in hand has in an integer or time column.
    pub fn current_int(&self, column: Column) -> Option<i64> {
        match self.row.values.get(column.index()) {
            Some(Slot::Int(value)) => Some(*value),
            Some(Slot::Empty | Slot::Text(_) | Slot::Float(_)) | None => None,
        }
    }

    fn set(&mut self, column: Column, slot: Slot) {
        if let Some(place) = self.row.values.get_mut(column.index()) {
            *place = slot;
        }
    }

    /// Completes the row: time, date and identity follow from what was set, and who did it is left
    /// off where that is the account itself.
    pub fn end(&mut self) {
        if self.current(Column::ActorName) == self.current(Column::UserName) {
            self.set(Column::ActorName, Slot::Empty);
        }
        let ingested = Time(self.current_int(Column::IngestTime).unwrap_or_default());
        let time = if let Some(time) = self.current_int(Column::Time) {
            self.flag_a_clock_ahead(Time(time), ingested);
            Time(time)
        } else {
            self.partial();
            self.time(Column::Time, ingested);
            ingested
        };
        self.int(Column::Date, time.date().into());
        self.flag(Column::HasNativeId, self.row.native_id.is_some());
        let uid = self.event_uid();
        self.verbatim(Column::EventUid, &uid);

        let Row { text, values, side, .. } = &self.row;
        for (builder, slot) in self.columns.iter_mut().zip(values) {
            builder.append(slot, text);
        }
        for ((_, builder), slot) in self.side.iter_mut().zip(side) {
            match slot {
                Slot::Text(range) => builder.append_value(text.get(range.clone()).unwrap_or_default()),
                Slot::Empty | Slot::Int(_) | Slot::Float(_) => builder.append_null(),
            }
        }
        self.rows += 1;
    }

    /// Flags a time after its receipt: the clock of the source is wrong, or its zone.
    fn flag_a_clock_ahead(&mut self, time: Time, ingested: Time) {
        let is_old = self.current_int(Column::Backfill) == Some(1);
        if !is_old && ingested.plus(ids::FUTURE_MAX) < time && self.current(Column::ParseStatus) == Some("ok") {
            self.partial();
        }
    }

    fn event_uid(&self) -> String {
        let tenant = self.current(Column::Tenant).unwrap_or_default();
        let source = self.current(Column::Source).unwrap_or_default();
        match &self.row.native_id {
            Some(id) => ids::event_uid_native(tenant, source, id),
            None => ids::event_uid_position(
                tenant,
                source,
                self.current(Column::Log).unwrap_or_default(),
                self.current_int(Column::Offset).unwrap_or_default(),
                self.row.index,
            ),
        }
    }

    /// The batch of the rows so far; the builder is empty again.
    ///
    /// # Panics
    /// If a required column has a null: a mistake in this file, found by its first test.
    #[expect(clippy::expect_used, reason = "every required column is filled by `begin` and `end`")]
    pub fn finish(&mut self) -> EventBatch {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let columns = RecordBatch::try_new(Arc::clone(&BATCH_SCHEMA), arrays).expect("the columns are of the schema");
        let side = self
            .side
            .iter_mut()
            .map(|(path, builder)| {
                let array: ArrayRef = Arc::new(builder.finish());
                (Arc::clone(path), array)
            })
            .collect();
        EventBatch::try_new(columns, side).expect("the columns are in the normal form")
    }
}

impl Row {
    fn keep(&mut self, value: &str) -> Slot {
        let start = self.text.len();
        self.text.push_str(value);
        Slot::Text(start..self.text.len())
    }
}

impl ColumnBuilder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Dict => Self::Dict(StringDictionaryBuilder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Int8 => Self::Int8(Int8Builder::new()),
            Kind::Int16 => Self::Int16(Int16Builder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::Float64 => Self::Float64(Float64Builder::new()),
        }
    }

    fn append(&mut self, slot: &Slot, text: &str) {
        let string = match slot {
            Slot::Text(range) => text.get(range.clone()),
            Slot::Empty | Slot::Int(_) | Slot::Float(_) => None,
        };
        let int = match slot {
            Slot::Int(value) => Some(*value),
            Slot::Empty | Slot::Text(_) | Slot::Float(_) => None,
        };
        match self {
            Self::Dict(builder) => builder.append_option(string),
            Self::Text(builder) => builder.append_option(string),
            Self::Time(builder) => builder.append_option(int),
            Self::Date(builder) => builder.append_option(int.and_then(|value| value.try_into().ok())),
            Self::Bool(builder) => builder.append_option(int.map(|value| value != 0)),
            Self::Int8(builder) => builder.append_option(int.and_then(|value| value.try_into().ok())),
            Self::Int16(builder) => builder.append_option(int.and_then(|value| value.try_into().ok())),
            Self::Int32(builder) => builder.append_option(int.and_then(|value| value.try_into().ok())),
            Self::Int64(builder) => builder.append_option(int),
            Self::Float64(builder) => builder.append_option(match slot {
                Slot::Float(value) => Some(*value),
                Slot::Empty | Slot::Text(_) | Slot::Int(_) => None,
            }),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Dict(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => ArrayBuilder::finish(builder),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Int8(builder) => Arc::new(builder.finish()),
            Self::Int16(builder) => Arc::new(builder.finish()),
            Self::Int32(builder) => Arc::new(builder.finish()),
            Self::Int64(builder) => Arc::new(builder.finish()),
            Self::Float64(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests;
