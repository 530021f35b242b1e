//! From the bytes of a record to its fields.

mod cef;
mod key_value;
mod table;

pub(super) use cef::cef;
pub(super) use key_value::key_values;
pub(crate) use table::{cells, is_open};
