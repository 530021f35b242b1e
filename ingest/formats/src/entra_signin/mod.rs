//! Microsoft Entra sign-in logs: as they come from an Event Hub, from Graph, or from an export.
//!
//! # Invariants
//! * An interrupt (a prompt, a redirect) is neither success nor failure.
//! * A revision of a sign-in, sent again with more in it, has the same `event_uid`.

pub(crate) mod client;
pub(crate) mod codes;
mod factors;
mod signin;

use sekisho_model::Raw;

use crate::json::{each_record, keys, string_after};
use crate::{Format, Output, Settings};

const ID: &str = "entra.signin";

/// Reads Entra sign-in logs.
#[derive(Debug, Default)]
pub struct EntraSignin {}

impl Format for EntraSignin {
    fn decode(&mut self, raw: &Raw<'_>, _settings: &Settings, out: &mut Output) {
        each_record(raw, ID, &[], out, |raw, json, index, out| {
            signin::read(raw, json, index, &mut out.rows)
        });
    }
}

/// Whether it is a record, or a body of records, of a sign-in category, or a sign-in of Graph.
pub fn sniff(record: &[u8]) -> bool {
    let (mut created, mut conditional_access) = (false, false);
    for (key, value) in keys(record) {
        if key.eq_ignore_ascii_case(b"category") || key.eq_ignore_ascii_case(b"type") {
            let category = string_after(value).unwrap_or_default();
            if ends_with_ignoring_case(category, b"signinlogs") {
                return true;
            }
        }
        created |= key.eq_ignore_ascii_case(b"createdDateTime");
        conditional_access |= key.eq_ignore_ascii_case(b"conditionalAccessStatus");
        if created && conditional_access {
            return true;
        }
    }
    false
}

fn ends_with_ignoring_case(text: &[u8], end: &[u8]) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|start| text.get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::cases;

    #[test]
    fn every_case_is_read_as_written_beside_it() {
        cases::run(&mut EntraSignin::default(), sniff, include_str!("cases.ndjson"));
    }

    #[test]
    fn a_revision_has_the_identity_of_the_first_version() {
        let uid = |record: &str| {
            let (rows, _) = cases::decode(&mut EntraSignin::default(), record.as_bytes(), &[]);
            rows.text(sekisho_model::Column::EventUid, 0).unwrap().to_owned()
        };
        let hub = r#"{"category": "SignInLogs", "properties": {"id": "1", "riskLevelAggregated": "none"}}"#;
        let revised = r#"{"category": "SignInLogs", "properties": {"id": "1", "riskLevelAggregated": "high"}}"#;
        let graph = r#"{"id": "1", "isInteractive": true}"#;
        let other = r#"{"id": "2", "isInteractive": true}"#;
        assert_eq!(uid(hub), uid(revised));
        assert_eq!(uid(hub), uid(graph));
        assert_ne!(uid(hub), uid(other));
    }

    #[test]
    fn rules_find_native_fields_with_and_without_their_prefix() {
        let record = br#"{"category": "SignInLogs", "resultType": "50126",
            "properties": {"status": {"errorCode": 50126}, "networkLocationDetails": []}}"#;
        let paths = [
            "ResultType",
            "properties.status.errorCode",
            "Status.errorCode",
            "properties.networkLocationDetails",
        ];
        let (rows, _) = cases::decode(&mut EntraSignin::default(), record, &paths);
        let found: Vec<_> = paths
            .iter()
            .map(|path| rows.side(path).unwrap().get(0).unwrap())
            .collect();
        assert_eq!(found, ["50126", "50126", "50126", "[]"]);
    }

    proptest! {
        #[test]
        fn any_json_becomes_rows_or_rejects(json in cases::any_json()) {
            cases::nothing_is_lost(&mut EntraSignin::default(), json.to_string().as_bytes());
        }

        #[test]
        fn any_bytes_become_rows_or_rejects(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            cases::nothing_is_lost(&mut EntraSignin::default(), &bytes);
            let _ours = sniff(&bytes);
        }
    }
}
