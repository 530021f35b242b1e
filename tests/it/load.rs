//! Records without end, each with an id of its own: people who work, some who travel too fast, and
//! some who download too much.

use serde_json::{Value, json};

use crate::support::{ndjson, sample};

/// How far apart the bodies are in the time that the records tell.
const BODY_SECS: u64 = 20;
/// Files in a body.
const FILES: u64 = 3;
/// Bodies that one downloader needs: with every second body, 75 files in less than an hour.
const DOWNLOADER_BODIES: u64 = 50;
/// Bodies between two travellers.
const TRAVELLER_BODIES: u64 = 30;
/// Travellers depart in this body of theirs, and arrive 320 seconds later on another continent.
const DEPARTURE: u64 = 4;
const ARRIVAL: u64 = 20;
/// People who sign in and do nothing else.
const WORKERS: u64 = 17;

/// A body and what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) source: &'static str,
    pub(crate) text: String,
    /// The ids of its records.
    pub(crate) ids: Vec<String>,
}

/// Makes bodies from records of the samples.
#[derive(Debug)]
pub(crate) struct Load {
    sign_in: Value,
    /// One with another device.
    sign_in_abroad: Value,
    download: Value,
}

impl Load {
    pub(crate) fn new() -> Self {
        let first = |folder, source, what: &str| {
            let records = ndjson(&sample(folder, source).text());
            records
                .into_iter()
                .find(|record| record.to_string().contains(what))
                .expect("the sample has one")
        };
        Self {
            sign_in: first("administrator", "entra.signin", "203.0.113.130"),
            sign_in_abroad: first("administrator", "entra.signin", "Firefox"),
            download: first("leaver", "m365.audit", "FileDownloaded"),
        }
    }

    /// The body of that number: the same each time.
    pub(crate) fn body(&self, number: u64) -> Body {
        if number % 2 == 1 {
            return self.downloads(number);
        }
        let worker = number % WORKERS;
        let mut records = vec![self.sign_in(
            number,
            0,
            &format!("worker{worker}"),
            &format!("203.0.113.{}", 1 + worker),
        )];
        let traveller = number / TRAVELLER_BODIES;
        let name = format!("traveller{traveller}");
        match number % TRAVELLER_BODIES {
            DEPARTURE => records.push(self.sign_in(number, 1, &name, &format!("203.0.113.{}", 20 + traveller % 40))),
            ARRIVAL => records.push(self.sign_in(number, 1, &name, &format!("198.51.100.{}", 10 + traveller % 50))),
            _ => {}
        }
        body("entra.signin", &records, "/properties/id")
    }

    fn sign_in(&self, number: u64, nth: u64, user: &str, ip: &str) -> Value {
        let abroad = !ip.starts_with("203.0.113.");
        let mut record = if abroad {
            self.sign_in_abroad.clone()
        } else {
            self.sign_in.clone()
        };
        let (time, name) = (at(number), format!("{user}@example.co.jp"));
        record["time"] = json!(format!("{time}Z"));
        record["callerIpAddress"] = json!(ip);
        let inner = &mut record["properties"];
        inner["id"] = json!(id(number, nth));
        inner["createdDateTime"] = json!(format!("{time}Z"));
        inner["userPrincipalName"] = json!(name);
        inner["userId"] = json!(format!("uid-{user}"));
        inner["ipAddress"] = json!(ip);
        record
    }

    fn downloads(&self, number: u64) -> Body {
        let name = format!("downloader{}@example.co.jp", number / DOWNLOADER_BODIES);
        let record = |nth| {
            let mut record = self.download.clone();
            record["Id"] = json!(id(number, nth));
            record["CreationTime"] = json!(at(number));
            record["UserId"] = json!(name);
            record["UserKey"] = json!(name);
            record["ObjectId"] = json!(format!(
                "https://example.sharepoint.com/sites/design/{number}-{nth}.dwg"
            ));
            record
        };
        body("m365.audit", &(0..FILES).map(record).collect::<Vec<_>>(), "/Id")
    }

    /// A line that comes by syslog.
    pub(crate) fn line(body: u64, number: u64) -> String {
        format!(
            "<86>{}+00:00 gw1 sshd[77]: pam_unix(sshd:session): session closed for user line{number}\n",
            at(body)
        )
    }
}

/// The user that a syslog line names.
pub(crate) fn line_of(user: &str) -> Option<u64> {
    user.strip_prefix("line")?.parse().ok()
}

/// The id of a record, from what is stored of it.
pub(crate) fn id_of(raw: &str) -> String {
    let record: Value = serde_json::from_str(raw).expect("the record is stored as it came");
    let id = record.get("Id").or_else(|| record.pointer("/properties/id"));
    id.and_then(Value::as_str).expect("it has an id").to_owned()
}

fn body(source: &'static str, records: &[Value], id: &str) -> Body {
    let ids = records
        .iter()
        .filter_map(|record| Some(record.pointer(id)?.as_str()?.to_owned()))
        .collect();
    let text = records.iter().map(|record| format!("{record}\n")).collect();
    Body { source, text, ids }
}

fn id(number: u64, nth: u64) -> String {
    format!("{number:08x}-{nth:04x}-4000-8000-000000000000")
}

/// When the records of a body happened, from the first of October on.
fn at(number: u64) -> String {
    let secs = number * BODY_SECS;
    let (day, hour, minute) = (1 + secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    assert!(day <= 31, "October is over");
    format!("2026-10-{day:02}T{hour:02}:{minute:02}:{:02}", secs % 60)
}
