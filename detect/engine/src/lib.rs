//! Which rows are suspicious and what they add up to.
//!
//! The profiles add to each row how unlike the person's own past it is. A [`Detector`] is then shown
//! the batch and says what it finds; the [`Casebook`] puts what they find
//! together: firings of a rule for an entity into an alert, alerts of a person into an incident, and
//! decides when an incident has something to say. [`Engine`] is all of it, with the compiled rules.
//!
//! # Invariants
//! * Synchronous, and free of I/O and clocks: the only time is the time of the events.
//! * The law of order: the same rows, in any order within the allowed lateness and in any split into
//!   batches, end in the same incidents with the same evidence (ids may differ).
//! * What is kept is bounded, and each bound is a named constant.
//!
//! # Not here
//! Who is told, and how often: that is `sekisho-alert`.

mod bounds;
pub mod cases;
mod client;
pub mod correlation;
pub mod detector;
pub mod engine;
pub mod entity;
mod episode;
pub mod explain;
pub mod feedback;
mod first_seen;
pub mod native;
mod pool;
pub mod predicate;
mod profile;
pub mod rules;
pub mod sigma_match;
pub mod testing;
mod watermark;

pub use bounds::BOUNDS;
pub use cases::Casebook;
pub use detector::Detector;
pub use engine::Engine;
pub use explain::RuleExplanation;
pub use feedback::{Answers, Exception, Feedback};
pub use native::Surroundings;
pub use rules::{CompiledRule, Problem, ProblemKind, RuleFolder, RuleSet};
