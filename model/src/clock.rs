//! The present, as something that can be handed in.

use std::fmt::Debug;

use crate::Time;

/// Tells the time. Only the program reads the real clock; everything else is given one of these.
pub trait Clock: Debug + Send + Sync {
    /// The present.
    fn now(&self) -> Time;
}

/// A clock that stands still, for tests.
impl Clock for Time {
    fn now(&self) -> Time {
        *self
    }
}
