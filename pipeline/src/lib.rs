//! The order in which a record is read, judged, made durable, announced and acknowledged.
//!
//! Start reading at [`Lane`]: it is the life of a record. What the lane works with is described by
//! narrow traits, which the other crates implement and the program puts together.
//!
//! # Invariants
//! * Nothing is taken from the log before it is in the tables; state may lag the tables, never lead them.
//! * The same frames give the same rows, alerts and messages, however often they are read again.
//!
//! # Not here
//! How any of the steps is done.

mod frame;
mod lane;
mod parts;
mod progress;

pub use frame::{Frame, FrameBody, Records};
pub use lane::{EpochLimits, Lane, LaneError, LaneParts, Restart};
pub use parts::{BoxError, Committed, Epoch, Judge, Judged, Log, Outbox, Tables};
pub use progress::{Done, Progress};
