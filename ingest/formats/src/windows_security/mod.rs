//! The Security channel of Windows' event log, as shippers write it: Winlogbeat and Elastic Agent, `NXLog`,
//! Fluent Bit, Vector, Sentinel, EVTX as JSON, XML, and Snare over syslog.
//!
//! # Invariants
//! * A sign-in succeeded only where the event is one of success, or its code is 0.
//! * An event that came twice has the same `event_uid`, by whatever connection it came.

mod account;
mod event;
mod events;
mod evtx;
mod failures;
mod row;
mod snare;
mod xml;

use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBuilder, Raw};

use crate::json::{Json, each_record, fill_side, keys, string_after};
use crate::{Format, Output, Settings, syslog};
use event::Event;

pub use evtx::is_evtx;
#[cfg(feature = "evtx")]
pub use evtx::records_of_evtx;

const ID: &str = "windows.security";
/// The channel, and who writes to it; other channels give the same numbers to other events.
const CHANNEL: &str = "Security";
const PROVIDER: &str = "Microsoft-Windows-Security-Auditing";
/// How far into a line of XML its first element may stand, in bytes: a syslog header is shorter.
const XML_AT_MAX: usize = 512;
/// How much of XML is searched for the channel, in bytes. It stands in the header of the event.
const HEADER_BYTES_MAX: usize = 4096;

/// Reads the Security channel.
#[derive(Debug, Default)]
pub struct WindowsSecurity {}

impl Format for WindowsSecurity {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let text = syslog::text(raw.bytes);
        if let Some(json) = snare::parse(&text) {
            let inserts = Json::Null;
            write_alone(raw, &Event::of(&json, &inserts), settings, &mut out.rows);
            return;
        }
        let Some(xml) = xml_of(&text) else {
            return each_record(raw, ID, &[], out, |raw, json, index, out| {
                read(raw, json, index, &settings.zone, &mut out.rows)
            });
        };
        match xml::parse(xml) {
            Ok(json) => {
                let inserts = Json::Null;
                write_alone(raw, &Event::of(&json, &inserts), settings, &mut out.rows);
            }
            Err(reason) => out.reject(raw, ID, reason),
        }
    }
}

/// Writes the row of an event that is not JSON, so that its values are kept beside the record.
fn write_alone(raw: &Raw<'_>, event: &Event<'_>, settings: &Settings, rows: &mut EventBuilder) {
    begin(raw, 0, event, &settings.zone, rows);
    if let Some(values) = event.values() {
        rows.verbatim(Column::Native, &values.to_string());
    }
    fill_side(rows, &event.roots());
    rows.end();
}

/// Whether it is a record of the Security channel.
pub fn sniff(record: &[u8]) -> bool {
    let text = syslog::text(record.get(..HEADER_BYTES_MAX).unwrap_or(record));
    if snare::sniff(&text) {
        return true;
    }
    if let Some(xml) = xml_of(&text) {
        return xml.contains(PROVIDER) || xml.contains("<Channel>Security</Channel>");
    }
    let (mut number, mut channel) = (false, false);
    for (key, value) in keys(record) {
        let is = |names: &[&[u8]]| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        number |= is(&[b"EventID", b"event_id", b"winlog.event_id"]);
        if is(&[b"Channel", b"log_name", b"LogName", b"winlog.channel"]) {
            channel |= string_after(value) == Some(CHANNEL.as_bytes());
        } else if is(&[
            b"Provider",
            b"provider_name",
            b"ProviderName",
            b"SourceName",
            b"source_name",
            b"Name",
        ]) {
            channel |= string_after(value) == Some(PROVIDER.as_bytes());
        }
        if number && channel {
            return true;
        }
    }
    false
}

/// The XML of a line, with a syslog header or without.
fn xml_of(text: &str) -> Option<&str> {
    let start = text.get(..text.floor_char_boundary(XML_AT_MAX))?;
    if matches!(text.trim_start().chars().next(), Some('{' | '[')) {
        return None;
    }
    let at = ["<Event ", "<Event>"].iter().find_map(|tag| start.find(tag))?;
    text.get(at..)
}

fn read(raw: &Raw<'_>, json: &Json<'_>, index: u32, zone: &TimeZone, rows: &mut EventBuilder) -> Result<(), String> {
    if !matches!(json, Json::Object(_)) {
        return Err("expected a JSON object, found another value".to_owned());
    }
    let inserts = event::inserts(json);
    let event = Event::of(json, &inserts);
    begin(raw, index, &event, zone, rows);
    fill_side(rows, &event.roots());
    rows.end();
    Ok(())
}

/// Begins the row of an event and sets its columns.
fn begin(raw: &Raw<'_>, index: u32, event: &Event<'_>, zone: &TimeZone, rows: &mut EventBuilder) {
    rows.begin(raw, ID, index);
    let time = event.time(zone);
    if let Some(time) = time {
        rows.time(Column::Time, time);
    }
    let Some(id) = event.id() else {
        rows.verbatim(Column::ParseStatus, "unparsed");
        return;
    };
    let channel = event.channel();
    if channel
        .as_deref()
        .is_none_or(|channel| channel.eq_ignore_ascii_case(CHANNEL))
    {
        row::write(event, id, rows);
    } else {
        rows.verbatim(Column::Action, &id.to_string());
        rows.verbatim(Column::ParseStatus, "unparsed");
        rows.text_opt(Column::DstHost, event.computer().as_deref());
    }
    if let (Some(computer), Some(record)) = (event.computer(), event.record_id()) {
        // A machine that was set up anew counts its records from 1 again, so the second is part of the id.
        let second = time.map(|time| time.0.div_euclid(1_000_000)).unwrap_or_default();
        let channel = channel.unwrap_or_default().to_lowercase();
        rows.native_id(&format!("{}/{channel}/{record}/{second}", computer.to_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::cases;

    const CASES: &str = include_str!("cases.ndjson");

    #[test]
    fn every_case_is_read_as_written_beside_it() {
        cases::run(&mut WindowsSecurity::default(), sniff, CASES);
    }

    #[test]
    fn rules_find_fields_by_their_names_in_every_shape() {
        let paths = ["TargetUserName", "EventID"];
        for record in [
            r#"{"winlog": {"channel": "Security", "event_id": 4624, "event_data": {"TargetUserName": "hana"}}, "EventID": "4624"}"#,
            r#"{"EventID": 4624, "Channel": "Security", "TargetUserName": "hana"}"#,
            r#"{"Event": {"System": {"EventID": 4624, "Channel": "Security"}, "EventData": {"TargetUserName": "hana"}}}"#,
            "<Event><System><EventID>4624</EventID></System><EventData><Data Name='TargetUserName'>hana</Data></EventData></Event>",
        ] {
            let (rows, _) = cases::decode(&mut WindowsSecurity::default(), record.as_bytes(), &paths);
            let found: Vec<_> = paths
                .iter()
                .map(|path| rows.side(path).unwrap().get(0).unwrap_or("none"))
                .collect();
            assert_eq!(found, ["hana", "4624"], "{record}");
        }
    }

    /// A record of one of the cases with a part of it changed, so that it is nearly one of ours.
    fn nearly() -> impl Strategy<Value = Vec<u8>> {
        let lines: Vec<&str> = CASES.lines().collect();
        let bytes = prop::collection::vec(any::<u8>(), 0..4);
        (prop::sample::select(lines), any::<prop::sample::Index>(), bytes).prop_map(|(line, at, bytes)| {
            let mut record = cases::record(line).into_bytes();
            let start = at.index(record.len() + 1);
            let end = (start + bytes.len()).min(record.len());
            record.splice(start..end, bytes);
            record
        })
    }

    proptest! {
        #[test]
        fn any_json_becomes_rows_or_rejects(json in cases::any_json()) {
            cases::nothing_is_lost(&mut WindowsSecurity::default(), json.to_string().as_bytes());
        }

        #[test]
        fn nearly_any_record_becomes_rows_or_rejects(record in nearly()) {
            cases::nothing_is_lost(&mut WindowsSecurity::default(), &record);
            let _ours = sniff(&record);
        }
    }
}
