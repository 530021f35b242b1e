//! Rules about several events.
//!
//! An event is *hot* when it takes part in what a rule looks for: it lies in a window of the rule's
//! time span that holds enough events, enough different values, an event of each rule, or it is a
//! link of a chain in the right order. Whether an event is hot follows from the set of events of its
//! group alone, and an event that is hot stays so whatever else comes; so every event is told once,
//! when the last one comes that makes it hot, and the order in which they come makes no difference.
//!
//! A hot event of one correlation is an occurrence of that rule, at its own time, for the
//! correlations that refer to it.
//!
//! # Invariants
//! * What is kept of a group is bounded. What is dropped first is what cannot change a judgement,
//!   and only beyond that may a finding depend on the order of rows; such drops are counted.

mod absence;
mod event;
mod group;
mod groups;
mod hot;
mod rule;
mod spec;
mod windows;

pub use event::{Carried, Occurrence, Uid};
pub(crate) use group::EVENTS_MAX;
pub use groups::Dropped;
pub(crate) use groups::key;
pub(crate) use groups::{BYTES_MAX, GROUPS_MAX};
pub use hot::Hot;
pub use rule::CorrelationRule;
pub use spec::{CorrelationSpec, Goal, Raise, Wanted};
