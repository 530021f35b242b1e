//! Identities that must come out the same after a restart, on another machine, and next year.
//!
//! Each is the first 128 bits of a BLAKE3 hash over a kind and its length-prefixed parts, as 32
//! hexadecimal digits. What goes into an identity cannot be changed later.

use crate::Time;

/// Identity of an event that carries the vendor's own id.
pub fn event_uid_native(tenant: &str, source: &str, native_id: &str) -> String {
    digest("event", &[tenant.as_bytes(), source.as_bytes(), native_id.as_bytes()])
}

/// Identity of an event that has none: where the record stands. `index` tells apart the rows of one
/// record.
pub fn event_uid_position(tenant: &str, source: &str, log: &str, offset: i64, index: u32) -> String {
    digest(
        "position",
        &[
            tenant.as_bytes(),
            source.as_bytes(),
            log.as_bytes(),
            &offset.to_le_bytes(),
            &index.to_le_bytes(),
        ],
    )
}

/// Identity of an alert: one episode of one rule for one entity, named by the event that opened it.
pub fn alert_id(tenant: &str, rule_id: &str, rule_major: u32, entity: &str, opened_by: &str) -> String {
    digest(
        "alert",
        &[
            tenant.as_bytes(),
            rule_id.as_bytes(),
            &rule_major.to_le_bytes(),
            entity.as_bytes(),
            opened_by.as_bytes(),
        ],
    )
}

/// Identity of an incident: what happened to one entity, named by the event that opened it.
pub fn incident_id(tenant: &str, entity: &str, opened_by: &str) -> String {
    digest(
        "incident",
        &[tenant.as_bytes(), entity.as_bytes(), opened_by.as_bytes()],
    )
}

/// Identity of a message to one channel, which a receiver may use to drop repetitions.
pub fn message_id(incident_id: &str, occasion: &str, channel: &str) -> String {
    digest(
        "message",
        &[incident_id.as_bytes(), occasion.as_bytes(), channel.as_bytes()],
    )
}

/// Identity of a body of bytes, such as an HTTP request that may be repeated.
pub fn content_id(parts: &[&[u8]]) -> String {
    digest("content", parts)
}

fn digest(kind: &str, parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in std::iter::once(kind.as_bytes()).chain(parts.iter().copied()) {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hasher.update(&length.to_le_bytes());
        hasher.update(part);
    }
    let mut hash = hasher.finalize().to_hex().to_string();
    hash.truncate(32);
    hash
}

/// The horizon within which an event's own time is believed: this long before it was observed.
pub const PAST_MAX: std::time::Duration = std::time::Duration::from_hours(7 * 24);
/// The horizon within which an event's own time is believed: this long after it was observed.
pub const FUTURE_MAX: std::time::Duration = std::time::Duration::from_mins(5);

/// The time that state is keyed by: the event's own, held within what is believable.
pub fn believed_time(time: Time, observed: Time) -> Time {
    time.clamp(observed.minus(PAST_MAX), observed.plus(FUTURE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_do_not_change_between_versions() {
        // Pinned: what is stored under it, and what was told of it, is found by it.
        assert_eq!(
            event_uid_native("default", "entra.signin", "66ea"),
            "8a49eb0ef786e0e9fe61eac685fc1db2"
        );
        assert_ne!(event_uid_native("a", "bc", "d"), event_uid_native("ab", "c", "d"));
        assert_eq!(event_uid_native("default", "x", "y").len(), 32);
    }
}
