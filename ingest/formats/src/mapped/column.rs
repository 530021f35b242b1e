//! Writing a value into a column, as its kind wants it.

use std::time::Duration;

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBuilder, Kind, Time, words};

use super::MapError;
use crate::{address, names, timestamp};

/// What a value becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// The vendor's own id of the record; no column, but the identity of the row follows from it.
    NativeId,
    Column(Column),
}

/// Columns that a map does not set: they follow from how a record came, from other columns, or from
/// lists of ours.
const NOT_MAPPED: [Column; 13] = [
    Column::Date,
    Column::IngestTime,
    Column::EventUid,
    Column::Tenant,
    Column::Source,
    Column::SrcAsn,
    Column::SrcAsOrg,
    Column::SrcAccuracyKm,
    Column::Origin,
    Column::Native,
    Column::Raw,
    Column::Person,
    Column::SrcNetKind,
];

/// Words of this column that follow from the address.
const NOT_OF_A_MAP: (Column, [&str; 5]) = (
    Column::SrcIpType,
    ["public", "private", "cgnat", "loopback", "link_local"],
);

impl Target {
    /// The target of that name.
    pub(super) fn by_name(name: &str) -> Result<Self, MapError> {
        if name == "native_id" {
            return Ok(Self::NativeId);
        }
        match Column::by_name(name) {
            Some(column) if !NOT_MAPPED.contains(&column) => Ok(Self::Column(column)),
            Some(_) => Err(MapError::value(name, "a map does not set this column")),
            None => Err(MapError::value(name, "there is no such column")),
        }
    }

    /// Whether it can take a word that a map names.
    pub(super) fn takes(self, word: &str) -> bool {
        let Self::Column(column) = self else { return true };
        if word.is_empty() {
            return !column.spec().required;
        }
        let follows = column == NOT_OF_A_MAP.0 && NOT_OF_A_MAP.1.contains(&word);
        !follows && words::of(column).is_none_or(|words| words.contains(&word))
    }

    /// Whether several values make one, `password+otp`.
    pub(super) fn joins(self) -> bool {
        self == Self::Column(Column::AuthMethod)
    }
}

/// How times are read.
#[derive(Clone, Debug)]
pub(super) struct Clock<'s> {
    pub(super) formats: &'s [String],
    pub(super) zone: &'s TimeZone,
    /// When the header of the line was written, and in which zone.
    pub(super) header: Option<&'s (Time, TimeZone)>,
}

/// How far a time in a message and that in the header may be apart to be of one zone: a message is sent
/// within seconds, and zones differ by a quarter of an hour at least.
const ZONE_AGREES_MAX: Duration = Duration::from_mins(10);

impl Clock<'_> {
    /// Reads a time. A local one is of the zone of the header if it then agrees with the header; a relay
    /// may have written the header in a zone of its own.
    fn read(&self, text: &str) -> Option<Time> {
        let (text, named) = timestamp::without_zone_name(text);
        if let Some(zone) = &named {
            return self.read_in(text, zone);
        }
        let by_header = self.header.and_then(|(header, zone)| {
            let time = self.read_in(text, zone)?;
            (time.distance(*header) <= ZONE_AGREES_MAX).then_some(time)
        });
        by_header.or_else(|| self.read_in(text, self.zone))
    }

    fn read_in(&self, text: &str, zone: &TimeZone) -> Option<Time> {
        let by_format = |format: &String| {
            let broken = BrokenDownTime::parse(format, text.trim()).ok()?;
            match broken.to_timestamp() {
                Ok(timestamp) => Some(timestamp.into()),
                Err(_) => timestamp::local(broken.to_datetime().ok()?, zone),
            }
        };
        self.formats
            .iter()
            .find_map(by_format)
            .or_else(|| timestamp::iso(text, zone))
            .or_else(|| crate::json::time_of(&crate::json::Json::Text(text.into())))
    }
}

/// Takes the value of the target away.
pub(super) fn clear(rows: &mut EventBuilder, target: Target) {
    if let Target::Column(column) = target {
        rows.clear(column);
    }
    if target == Target::Column(Column::SrcIp) {
        rows.clear(Column::SrcIpType);
    }
}

/// Sets the target to the value; returns whether it could take it.
pub(super) fn set(rows: &mut EventBuilder, target: Target, value: &str, clock: &Clock<'_>) -> bool {
    if EventBuilder::means_nothing(value) {
        return false;
    }
    let column = match target {
        Target::NativeId => {
            rows.native_id(value.trim());
            return true;
        }
        Target::Column(column) => column,
    };
    match column {
        Column::UserName => names::set_user(rows, value),
        Column::ActorName => names::set_actor(rows, value),
        Column::SrcIp => return address::set_source(rows, value),
        Column::Url => rows.text(column, path_and_query(value)),
        Column::StatusId | Column::RiskLevel => return set_word(rows, column, value),
        Column::Activity => {
            rows.verbatim(column, value);
            rows.int(Column::ClassUid, words::class_of(value).unwrap_or_default());
        }
        _ => return set_by_kind(rows, column, value, clock),
    }
    true
}

fn set_by_kind(rows: &mut EventBuilder, column: Column, value: &str, clock: &Clock<'_>) -> bool {
    match column.spec().kind {
        Kind::Dict | Kind::Text => rows.text(column, value),
        Kind::Time => match clock.read(value) {
            Some(time) => rows.time(column, time),
            None => return false,
        },
        Kind::Bool => match flag(value) {
            Some(flag) => rows.flag(column, flag),
            None => return false,
        },
        Kind::Float64 => match value.trim().parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => rows.float(column, number),
            None => return false,
        },
        Kind::Date | Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => match int(value) {
            Some(number) => rows.int(column, number),
            None => return false,
        },
    }
    true
}

/// Sets a column to the place of a word.
fn set_word(rows: &mut EventBuilder, column: Column, value: &str) -> bool {
    let found = words::of(column)
        .unwrap_or_default()
        .iter()
        .zip(0..)
        .find(|(word, _)| word.eq_ignore_ascii_case(value.trim()));
    match found {
        Some((_, place)) => rows.int(column, place),
        None => return false,
    }
    true
}

fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "on" => Some(true),
        "false" | "no" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// A whole number; `12.0` is one.
fn int(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    };
    whole.parse().ok()
}

/// An address without its scheme and host.
fn path_and_query(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    }
}
