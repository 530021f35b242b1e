//! The bounds of reading records.

use sekisho_model::bounds::{Bound, size};

use crate::{dedupe, json, mail_postfix, openvpn_log, timestamp};

/// What a record can reach.
pub const BOUNDS: &[Bound] = &[
    Bound::count("levels of nested JSON", size(json::DEPTH_MAX), "a reject"),
    Bound::count(
        "ids of a source that are known when they come again",
        size(dedupe::ENTRIES_MAX),
        "the oldest are forgotten",
    ),
    Bound::count(
        "mails of Postfix that are put together",
        size(mail_postfix::MAILS_MAX),
        "the oldest becomes a row as it is",
    ),
    Bound::count(
        "peers of OpenVPN",
        size(openvpn_log::PEERS_MAX),
        "the oldest is forgotten",
    ),
    Bound::count(
        "logs without years that are told apart",
        size(timestamp::LOGS_MAX),
        "the oldest is forgotten",
    ),
];
