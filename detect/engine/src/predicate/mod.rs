//! Conditions over the columns of a batch.
//!
//! The searches of all rules are compiled into one list of leaves, each a field and what it
//! is tested for; a search that several rules share is one leaf. A leaf is evaluated once per batch,
//! on a dictionary column once per distinct value, and gives a bit per row; the conditions of the
//! rules join these bits.
//!
//! # Invariants
//! * Two values, not SQL's three: a missing value matches nothing but `null`, the empty text and
//!   `exists: false`, so under `not` it matches.

mod compile;
mod eval;
mod field;
mod glob;
mod matcher;
mod moment;

pub use compile::{CompileError, Leaves, Node};
pub use eval::Evaluation;
pub use field::{Access, Field, Reader, Value};
pub use glob::{Glob, fold, fold_text};
pub use matcher::{Matcher, MatcherError};
