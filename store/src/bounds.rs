//! The bounds of the tables and of questions.

use sekisho_model::bounds::{Bound, size};

use crate::sql::{MEMORY_BYTES, SPILL_BYTES, TEXT_BYTES_MAX};

/// What questions can reach.
pub const BOUNDS: &[Bound] = &[
    Bound::bytes("a question in SQL", size(TEXT_BYTES_MAX), "refused"),
    Bound::bytes("memory of a question", size(MEMORY_BYTES), "goes on on disk"),
    Bound::bytes("disk of a question", SPILL_BYTES, "ended"),
];
