//! An event, whichever shipper wrote it.
//!
//! The same fields come as `winlog.event_data.X` (Winlogbeat), beside each other (`NXLog`, Sentinel), in
//! `Event.EventData.X` (EVTX, XML) or as a bare list of values (Fluent Bit).

use std::borrow::Cow;

use jiff::tz::TimeZone;
use sekisho_model::{EventBuilder, Time};

use super::events::insert_names;
use crate::json::{Json, time_of};
use crate::timestamp;

/// Objects that hold what every event has; the record itself is asked last.
const HEADERS: [&[&str]; 2] = [&["Event", "System"], &["winlog"]];
/// Objects that hold the values of the event; the record itself is asked last.
const DATA: [&[&str]; 8] = [
    &["Event", "EventData"],
    &["Event", "UserData", "LogFileCleared"],
    &["Event", "UserData"],
    &["winlog", "event_data"],
    &["winlog", "user_data"],
    &["event_data"],
    &["EventData"],
    &["user_data"],
];
/// What begins the name of a value where the record is flat.
const FLATTENED: &str = "winlog.event_data.";

/// An event.
pub(super) struct Event<'j> {
    headers: Vec<&'j Json<'j>>,
    data: Vec<&'j Json<'j>>,
}

/// The values that some shippers send as a bare list, with their names.
pub(super) fn inserts<'j>(json: &'j Json<'j>) -> Json<'j> {
    let values = ["StringInserts", "string_inserts"].iter().find_map(|key| json.get(key));
    let id = Event::of(json, &Json::Null).id().unwrap_or_default();
    let values = values.map(Json::elements).unwrap_or_default();
    Json::Object(
        insert_names(id)
            .zip(values)
            .map(|(name, value)| (Cow::Borrowed(name), value.clone()))
            .collect(),
    )
}

impl<'j> Event<'j> {
    pub(super) fn of(json: &'j Json<'j>, inserts: &'j Json<'j>) -> Self {
        let at = |path: &&[&str]| path.iter().try_fold(json, |json, key| json.get(key));
        let mut headers: Vec<&Json<'_>> = HEADERS.iter().filter_map(at).collect();
        let mut data: Vec<&Json<'_>> = DATA.iter().filter_map(at).collect();
        headers.push(json);
        data.push(inserts);
        data.push(json);
        Self { headers, data }
    }

    /// The objects in which rules look for fields.
    pub(super) fn roots(&self) -> Vec<&'j Json<'j>> {
        self.data.iter().chain(&self.headers).copied().collect()
    }

    /// The values of the event itself.
    pub(super) fn values(&self) -> Option<&'j Json<'j>> {
        self.data.first().copied()
    }

    /// A value of the event, if it means something.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'j, str>> {
        let found = self.data.iter().find_map(|data| meant(data.get(name)?));
        found.or_else(|| meant(self.data.last()?.get(&format!("{FLATTENED}{name}"))?))
    }

    /// The first of these values that means something.
    pub(super) fn any(&self, names: &[&str]) -> Option<Cow<'j, str>> {
        names.iter().find_map(|name| self.get(name))
    }

    fn header(&self, names: &[&str]) -> Option<Cow<'j, str>> {
        names.iter().find_map(|name| {
            let value = self.headers.iter().find_map(|header| header.get(name));
            value.and_then(meant)
        })
    }

    /// The number of the event. Old systems put more into the upper half.
    pub(super) fn id(&self) -> Option<u16> {
        let text = self.header(&["EventID", "event_id", "winlog.event_id", "event.code"])?;
        let number: u32 = text.trim().parse().ok()?;
        u16::try_from(number & 0xffff).ok()
    }

    pub(super) fn computer(&self) -> Option<Cow<'j, str>> {
        self.header(&[
            "Computer",
            "computer_name",
            "ComputerName",
            "Hostname",
            "winlog.computer_name",
        ])
    }

    pub(super) fn channel(&self) -> Option<Cow<'j, str>> {
        self.header(&["Channel", "log_name", "LogName", "winlog.channel"])
    }

    pub(super) fn record_id(&self) -> Option<Cow<'j, str>> {
        self.header(&[
            "EventRecordID",
            "record_id",
            "RecordNumber",
            "record_number",
            "winlog.record_id",
        ])
    }

    /// When it was written. A time without a zone is local time of `zone`.
    pub(super) fn time(&self, zone: &TimeZone) -> Option<Time> {
        let names = [
            "TimeCreated",
            "TimeCreated_attributes",
            "EventTime",
            "TimeGenerated",
            "@timestamp",
            "time_created",
            "timestamp",
        ];
        names.iter().find_map(|name| {
            let value = self.headers.iter().find_map(|header| header.get(name))?;
            let attributes = value.get("#attributes").unwrap_or(value);
            let value = attributes.get("SystemTime").unwrap_or(attributes);
            match value {
                Json::Text(text) => timestamp::iso(text, zone).or_else(|| time_of(value)),
                other => time_of(other),
            }
        })
    }

    /// Whether its keyword says that it was an audited success (or failure).
    pub(super) fn audit(&self) -> Option<bool> {
        let names = ["Keywords", "keywords", "EventType", "winlog.keywords"];
        let said = names.iter().find_map(|name| {
            let value = self.headers.iter().find_map(|header| header.get(name))?;
            match value {
                Json::List(words) => words.iter().find_map(|word| audit(&word.text()?)),
                value => audit(&value.text()?),
            }
        });
        said.or_else(|| {
            let outcome = self.headers.last()?.get("event")?.get("outcome")?.text()?;
            audit(&outcome)
        })
    }
}

/// A scalar that means something; of an element with attributes, its text.
fn meant<'j>(value: &'j Json<'j>) -> Option<Cow<'j, str>> {
    let value = value.get("#text").unwrap_or(value);
    value.text().filter(|text| !EventBuilder::means_nothing(text))
}

/// The keywords of audits, `winmeta.h`: `WINEVENT_KEYWORD_AUDIT_SUCCESS` and `…_FAILURE`.
const SUCCESS_BIT: u64 = 0x0020_0000_0000_0000;
const FAILURE_BIT: u64 = 0x0010_0000_0000_0000;

fn audit(text: &str) -> Option<bool> {
    let text = text.trim();
    let hex = text
        .strip_prefix("0x")
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let bits = hex
        .or_else(|| text.parse().ok().map(i64::cast_unsigned))
        .unwrap_or_default();
    let lower = text.to_lowercase();
    if bits & FAILURE_BIT != 0 || lower.contains("fail") || lower.contains("失敗") {
        Some(false)
    } else if bits & SUCCESS_BIT != 0 || lower.contains("success") || lower.contains("成功") {
        Some(true)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_tells_success_from_failure_in_every_form() {
        for (text, expected) in [
            ("0x8020000000000000", Some(true)),
            ("0x8010000000000000", Some(false)),
            ("-9214364837600034816", Some(true)),
            ("-9218868437227405312", Some(false)),
            ("Audit Success", Some(true)),
            ("AUDIT_FAILURE", Some(false)),
            ("失敗の監査", Some(false)),
            ("成功の監査", Some(true)),
            ("0x0", None),
            ("INFO", None),
        ] {
            assert_eq!(audit(text), expected, "{text}");
        }
    }
}
