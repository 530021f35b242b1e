//! The law of conservation: what came is stored, rejected, given back, known already, or in hand.
//!
//! Each step of a record's way counts what it took and what it gave on, and the next step counts for itself:
//!
//! | step | what must be equal |
//! |---|---|
//! | `doors` | what the doors say is durable, and what the spool appended |
//! | `log` | the offsets up to which the lane judged, and those of the frames that it was given |
//! | `judge` | records and rows that the formats made, and those that were judged, rejected or known |
//! | `tables` | rows and rejects that were made, and those that are stored, known or in the open epoch |
//!
//! The judge and the lane count one after the other, so records between them look lost for a moment. What is really lost
//! stays lost, so only a difference that is there at two looks counts.

use sekisho_sources::Counted;

use super::Seen;

/// How much is missing (or too much, if below zero) at each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct Law {
    /// What is told: what was there at the last two looks.
    pub(super) told: [i64; STEPS],
    seen: [i64; STEPS],
}

/// How many steps there are.
pub(super) const STEPS: usize = 4;

/// The names of the steps.
pub(super) const NAMES: [&str; STEPS] = ["doors", "log", "judge", "tables"];

impl Law {
    /// The law after one more look.
    #[must_use]
    pub(super) fn after(self, seen: &Seen) -> Self {
        let now = differences(seen);
        let mut told = [0; STEPS];
        for ((told, now), before) in told.iter_mut().zip(now).zip(self.seen) {
            *told = lasting(before, now);
        }
        Self { told, seen: now }
    }

    /// Whether nothing is missing.
    pub(super) fn holds(&self) -> bool {
        self.told == [0; STEPS]
    }
}

/// What of two differences is in both.
fn lasting(one: i64, other: i64) -> i64 {
    if one.signum() == other.signum() {
        if one.unsigned_abs() < other.unsigned_abs() {
            one
        } else {
            other
        }
    } else {
        0
    }
}

fn differences(seen: &Seen) -> [i64; STEPS] {
    let (lane, tally) = (&seen.lane, &seen.tally);
    let judge = [
        difference(lane.records, tally.records),
        difference(lane.made, tally.made()),
        difference(tally.decoded, tally.rows() + tally.duplicates),
    ];
    [
        doors(
            seen.accepted_before,
            seen.spool.appended,
            seen.doors.iter().map(|(_, door)| door.total),
        ),
        lane.skipped() - seen.unused,
        judge.into_iter().find(|difference| *difference != 0).unwrap_or(0),
        i64::try_from(lane.unsettled()).unwrap_or(i64::MAX),
    ]
}

/// What the spool appended is, a moment later, durable by the count of its door, or in the door's hand.
fn doors(accepted_before: u64, appended: u64, after: impl Iterator<Item = Counted>) -> i64 {
    let after: u64 = after.map(|door| door.accepted + door.in_hand()).sum();
    if appended < accepted_before {
        difference(appended, accepted_before)
    } else {
        difference(appended, after).max(0)
    }
}

fn difference(one: u64, other: u64) -> i64 {
    i64::try_from(i128::from(one) - i128::from(other)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(received: u64, accepted: u64, repeated: u64) -> Counted {
        Counted {
            received,
            accepted,
            repeated,
            ..Counted::default()
        }
    }

    #[test]
    fn what_a_door_has_in_hand_may_be_durable_already() {
        let check = |before, appended, door: Counted| doors(before, appended, [door].into_iter());
        assert_eq!(check(10, 10, door(10, 10, 0)), 0);
        assert_eq!(check(8, 8, door(10, 8, 2)), 0, "two came again");
        assert_eq!(check(5, 10, door(10, 5, 0)), 0, "five are in hand");
        assert_eq!(check(5, 7, door(12, 12, 0)), 0, "five came after the spool was asked");
        assert_eq!(check(9, 11, door(10, 9, 0)), 1, "one came through no door");
        assert_eq!(
            check(10, 7, door(10, 10, 0)),
            -3,
            "three are said to be durable and are not"
        );
    }

    #[test]
    fn only_a_difference_that_lasts_is_told() {
        let cases = [
            ((0, 0), 0),
            ((5, 0), 0),
            ((0, 5), 0),
            ((5, 3), 3),
            ((3, 5), 3),
            ((-5, -3), -3),
            ((-5, 3), 0),
        ];
        for ((one, other), told) in cases {
            assert_eq!(lasting(one, other), told, "{one} {other}");
        }
    }
}
