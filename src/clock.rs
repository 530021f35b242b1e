//! The real clock.

use sekisho_model::{Clock, Time};

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::from(jiff::Timestamp::now())
    }
}
