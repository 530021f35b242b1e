//! The rule language: Sigma 2.1, read into a form that can be compiled.
//!
//! [`parse`] takes the text of a rule file, of one or several YAML documents, and gives a
//! [`Document`] for each: a [`Rule`] that describes single events, a [`Correlation`] of rules, a
//! [`Filter`] that is added to rules, or a [`NativeRule`] that configures a detector which Sigma
//! cannot express.
//!
//! # Invariants
//! * Parsing never panics and its work is bounded, whatever the text.
//! * Whatever cannot be read is a [`Problem`] that names the file, the line and what was expected;
//!   nothing is dropped in silence.
//!
//! # Not here
//! Which columns the fields mean and how rows are judged: that is `sekisho-detect`.

mod condition;
mod correlation;
mod detection;
mod document;
mod encode;
mod expand;
mod extension;
mod filter;
mod meta;
mod modifier;
mod native;
mod pattern;
mod problem;
mod yaml;

pub use condition::Condition;
pub use correlation::{Aliases, Bounds, Correlation, CorrelationKind, Operator};
pub use detection::{Anchor, Bound, Comparison, Detection, FieldTest, Moment, Number, Search, Test};
pub use document::{Document, Parsed, Rule, TEXT_BYTES_MAX, parse, parse_with};
pub use expand::Lists;
pub use extension::{Absent, Escalation, Extension, FirstSeen, ThresholdRel};
pub use filter::{Filter, FilterTarget};
pub use meta::{Level, Logsource, Meta, Route};
pub use native::NativeRule;
pub use pattern::{Pattern, Token};
pub use problem::{Problem, ProblemKind};
