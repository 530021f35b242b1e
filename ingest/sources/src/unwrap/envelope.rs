//! Objects that only wrap an array of events.

use std::ops::Range;

use super::{begins_array_of_objects, json};

/// An envelope: the key of the array, and what else may be there. An object with any other key is an
/// event that happens to have an array, and must not lose its other fields.
struct Envelope {
    key: &'static [u8],
    companions: &'static [&'static [u8]],
}

const ENVELOPES: [Envelope; 5] = [
    // Azure diagnostic settings through Event Hubs; CloudTrail files.
    Envelope {
        key: b"records",
        companions: &[],
    },
    Envelope {
        key: b"Records",
        companions: &[],
    },
    // Microsoft Graph and other OData; keys with `@` are allowed everywhere.
    Envelope {
        key: b"value",
        companions: &[b"nextLink"],
    },
    // Google's Reports API.
    Envelope {
        key: b"items",
        companions: &[b"kind", b"etag", b"nextPageToken"],
    },
    // Okta's event hooks.
    Envelope {
        key: b"data",
        companions: &[
            b"eventType",
            b"eventTypeVersion",
            b"cloudEventsVersion",
            b"source",
            b"eventId",
            b"eventTime",
            b"contentType",
        ],
    },
];

/// The envelope in which the array lies one object deeper, and there has this key.
const DEEPER: (&[u8], &[u8]) = (b"data", b"events");

/// Where in `object` the array lies that is all it is about.
pub(super) fn wrapped(object: &[u8]) -> Option<Range<usize>> {
    let is_envelope = |key: &[u8]| ENVELOPES.iter().find(|envelope| envelope.key == key);
    let envelope = json::members(object)
        .flatten()
        .find_map(|(key, _, _)| is_envelope(key))?;
    let found = only(object, envelope.key, envelope.companions)?;
    if envelope.key == DEEPER.0 {
        let inner = only(object.get(found.clone())?, DEEPER.1, &[])?;
        return array(object, found.start + inner.start..found.start + inner.end);
    }
    array(object, found)
}

fn array(object: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    begins_array_of_objects(object.get(place.clone())?).then_some(place)
}

/// Where the value of `key` lies in an object that has no others but `companions`.
fn only(object: &[u8], key: &[u8], companions: &[&[u8]]) -> Option<Range<usize>> {
    let mut found = None;
    for member in json::members(object) {
        let (name, start, end) = member?;
        if name == key {
            if found.replace(start..end).is_some() {
                return None;
            }
        } else if !companions.contains(&name) && !name.contains(&b'@') {
            return None;
        }
    }
    found
}
