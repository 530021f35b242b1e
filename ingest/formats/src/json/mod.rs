//! Reading records of JSON: parsed once, asked by the columns and by the paths of the rules.
//!
//! # Invariants
//! * Keys are compared without case: exports change it.
//! * A record may be wrapped with others; each becomes a row or a reject of its own.

#[cfg(test)]
pub(crate) mod cases;
mod keys;
mod parse;
mod path;
mod records;
mod value;
mod when;

pub(crate) use keys::{keys, string_after};
pub(crate) use parse::DEPTH_MAX;
pub(crate) use path::fill_side;
pub(crate) use records::each_record;
pub(crate) use value::{Json, embedded};
pub(crate) use when::time_of;
