//! What `CloudWatch` Logs sends to whoever subscribed: lines, or records of a vendor such as `CloudTrail`, each as a
//! text in an event with an id and a time.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::{Shipped, line_of};
use crate::json::Json;

/// The key of the list.
const EVENTS: &str = "logEvents";
/// How far into a record that key may stand, in bytes: before it are the names of group, stream and filters.
const EVENTS_AT_MAX: usize = 4096;

/// Whether a record may be such a message.
pub(super) fn may_be(record: &[u8]) -> bool {
    let head = record.get(..EVENTS_AT_MAX).unwrap_or(record);
    memchr::memmem::find(head, b"\"logEvents\"").is_some()
}

/// The events of a message; `None` if it is none. What it sends to see whether somebody listens has no events.
pub(super) fn open(json: &Json<'_>, zone: &TimeZone, is_bare: bool) -> Option<Vec<Shipped>> {
    let kind = json.text_at("messageType")?;
    let Json::List(events) = json.get(EVENTS)? else {
        return None;
    };
    if kind == "CONTROL_MESSAGE" {
        return Some(Vec::new());
    }
    let event = |event: &Json<'_>| {
        let message = event.text_at("message")?;
        Some(Shipped {
            line: line_of(event, message, zone, is_bare),
            record: event.to_string(),
            native_id: event.text_at("id").map(Cow::into_owned),
            file: json.text_at("logStream").map(|stream| super::word(Some(&stream))),
        })
    };
    // What is no event is left to whoever rejects it.
    events.iter().map(event).collect()
}
