//! The unified audit log of Microsoft 365: records of the Management Activity API, and rows of an export in JSON or
//! CSV, whose record is a string in `AuditData`.
//!
//! # Invariants
//! * Whether a sign-in succeeded follows from the operation and its error; `ResultStatus` tells only
//!   that the request was answered.
//! * `user_name` is the account that was used; of a change to an account, the account that was
//!   changed, and then `actor_name` is who changed it.

mod accounts;
mod export;
mod operations;
mod record;
mod resources;

use memchr::memmem;
use sekisho_model::Raw;

use crate::json::{each_record, keys};
use crate::{Format, Output, Settings, syslog};

const ID: &str = "m365.audit";

/// Reads the unified audit log.
#[derive(Debug, Default)]
pub struct M365Audit {}

impl Format for M365Audit {
    fn decode(&mut self, raw: &Raw<'_>, _settings: &Settings, out: &mut Output) {
        let text = syslog::text(raw.bytes);
        if let Some(row) = export::Row::of(&text) {
            return row.decode(raw, out);
        }
        each_record(raw, ID, &[], out, |raw, json, index, out| {
            record::read(raw, json, index, &mut out.rows)
        });
    }
}

/// Whether it is a record of the audit log, or one wrapped in a row of an export.
pub fn sniff(record: &[u8]) -> bool {
    if export::sniff(record) {
        return true;
    }
    let (mut kind, mut created) = (false, false);
    for (key, value) in keys(record) {
        if key.eq_ignore_ascii_case(b"AuditData") {
            return memmem::find(value, b"RecordType").is_some() || memmem::find(value, b"CreationTime").is_some();
        }
        kind |= key.eq_ignore_ascii_case(b"RecordType");
        created |= key.eq_ignore_ascii_case(b"CreationTime");
        if kind && created {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::cases;

    #[test]
    fn every_case_is_read_as_written_beside_it() {
        cases::run(&mut M365Audit::default(), sniff, include_str!("cases.ndjson"));
    }

    #[test]
    fn rules_find_native_fields_inside_an_export_too() {
        let record = br#"{"AuditData": "{\"RecordType\":1,\"Parameters\":[{\"Name\":\"ForwardTo\",\"Value\":\"x@example.net\"}]}", "Extra": "outer"}"#;
        let paths = ["Parameters.ForwardTo", "parameters", "Extra", "Workload"];
        let (rows, rejects) = cases::decode(&mut M365Audit::default(), record, &paths);
        assert!(rejects.is_empty(), "{rejects:?}");
        let found: Vec<_> = paths.iter().map(|path| rows.side(path).unwrap().get(0)).collect();
        let list = r#"[{"Name":"ForwardTo","Value":"x@example.net"}]"#;
        assert_eq!(found, [Some("x@example.net"), Some(list), Some("outer"), None]);
    }

    proptest! {
        #[test]
        fn any_json_becomes_rows_or_rejects(json in cases::any_json()) {
            cases::nothing_is_lost(&mut M365Audit::default(), json.to_string().as_bytes());
        }

        #[test]
        fn any_bytes_become_rows_or_rejects(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            cases::nothing_is_lost(&mut M365Audit::default(), &bytes);
            let _ours = sniff(&bytes);
        }
    }
}
