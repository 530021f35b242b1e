//! The bounds of what is kept to judge by.

use sekisho_model::bounds::{Bound, size};

use crate::{cases, correlation, detector, native};

/// What rows can reach.
pub const BOUNDS: &[Bound] = &[
    Bound::seconds(
        "how late a record is judged exactly",
        detector::LATENESS_MAX.as_secs(),
        "judged by rules of single rows",
    ),
    Bound::count(
        "groups of a correlation",
        size(correlation::GROUPS_MAX),
        "those untouched longest are dropped and counted",
    ),
    Bound::bytes(
        "a correlation",
        size(correlation::BYTES_MAX),
        "those untouched longest are dropped and counted",
    ),
    Bound::count(
        "events of a group",
        size(correlation::EVENTS_MAX),
        "the oldest are dropped and counted",
    ),
    Bound::count(
        "people that a detector knows",
        size(native::PEOPLE_MAX),
        "those silent longest are forgotten",
    ),
    Bound::count("open alerts", size(cases::ALERTS_OPEN_MAX), "the oldest are closed"),
    Bound::count(
        "open incidents",
        size(cases::INCIDENTS_OPEN_MAX),
        "the oldest are closed",
    ),
    Bound::count(
        "events that an alert names",
        size(cases::EVIDENCE_MAX),
        "the rest is counted",
    ),
];
