//! The vocabulary of Sekisho.
//!
//! Every other crate speaks in these words: the table of [columns](schema), the [batch](EventBatch)
//! of events that flows, the [record] it was decoded from and the position of that record,
//! the [words] that columns with a closed list take, what a detector [found](detection), and the [identities](ids) that outlive a restart.
//!
//! # Invariants
//! * No I/O, no clock: [`Clock`] is a trait, and only the program implements it with the real one.
//! * A batch has exactly the columns of [`schema::COLUMNS`]; no other crate downcasts an array.
//!
//! # Not here
//! How bytes become rows (`sekisho-formats`), and what rows mean (`sekisho-detect`).

pub mod batch;
pub mod bounds;
pub mod builder;
pub mod clock;
pub mod detection;
pub mod ids;
pub mod lang;
pub mod projection;
pub mod record;
pub mod schema;
pub mod snapshot;
pub mod time;
pub mod words;

pub use batch::{EventBatch, SchemaMismatch, Texts};
pub use builder::EventBuilder;
pub use clock::Clock;
pub use detection::{
    Alert, AlertUpdate, Announcement, Detection, Entity, EntityKind, Evidence, Facts, Findings, Incident, Occasion,
    Route, RuleInfo, Severity, Weight,
};
pub use lang::{Bilingual, Lang};
pub use projection::Projection;
pub use record::{Decoded, Origin, Raw, Reject, Wrapping};
pub use schema::{Column, Kind};
pub use snapshot::Snapshot;
pub use time::Time;
