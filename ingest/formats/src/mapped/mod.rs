//! Formats that are data: a file `map.toml` says which field of a record becomes which column.
//!
//! `docs/maps.md` is the description of such a file for those who write one. Reading goes: the
//! [`shape`] makes fields of a record's bytes (JSON, key=value, patterns over text, columns of a
//! table), and a [`Map`] makes a row of the fields.
//!
//! # Invariants
//! * What decides a column is, in this order: the pattern that matched, the first rule that fits and
//!   names the column, the first of the column's own paths that leads to a value.
//! * A record of which no `action` is known is of no known kind: it is a row, and `unparsed`.

mod aliases;
mod column;
mod condition;
mod csv;
mod error;
mod file;
mod format;
mod map;
mod own;
mod path;
mod shape;
mod sniff;
mod source;
#[cfg(test)]
pub(crate) mod testing;
mod words;

pub(crate) use csv::{Header, TableRow};
pub use error::MapError;
pub(crate) use format::Mapped;
pub use map::Map;
pub(crate) use own::OwnFirst;
pub(crate) use shape::{cells, is_open};
pub(crate) use sniff::Sniffer;
