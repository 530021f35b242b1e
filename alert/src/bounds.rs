//! The bounds of what is told.

use sekisho_model::bounds::{Bound, size};

use crate::{channel, deliver, untrusted};

/// What incidents and channels can reach.
pub const BOUNDS: &[Bound] = &[
    Bound::count(
        "characters of a text from a log in a message",
        size(untrusted::VALUE_CHARS_MAX),
        "cut",
    ),
    Bound::bytes(
        "a message to a webhook",
        size(channel::webhook::BODY_BYTES_MAX),
        "evidence is left out",
    ),
    Bound::seconds(
        "the age of a message that does not arrive",
        deliver::AGE_MAX.as_secs(),
        "given up; `sekisho outbox retry`",
    ),
    Bound::seconds(
        "how long a channel may ask to be left alone",
        deliver::RETRY_AFTER_MAX.as_secs(),
        "tried again",
    ),
];
