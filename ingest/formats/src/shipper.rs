//! Lines that a shipper put into a JSON document of its own: Filebeat and Elastic Agent, Fluent Bit and
//! Fluentd, Vector, the journal, syslog-ng and rsyslog, Splunk's collector, GELF; and what services wrap them in:
//! `CloudWatch` Logs, Microsoft Sentinel's table of CEF.
//!
//! The line is read as if it had come by itself. Where it has no header of syslog, it is given one of RFC
//! 5424 with what the document knows (time, host, program, process id), since the line alone does not tell
//! whose it is. The row's `raw` is always the whole document: the document may know more than the line.
//!
//! # Invariants
//! * A document is opened once. What is in it is a line or a record of a vendor, and no document again.
//! * A document that holds no line is left to whoever reads JSON.

mod common_security_log;
mod log_events;

use std::borrow::Cow;

use jiff::tz::TimeZone;
use sekisho_model::{EventBuilder, Time};

use crate::json::{Json, time_of};
use crate::syslog::Frame;
use crate::timestamp;

/// Where the line stands, the most original form first. `log` is an object in some documents and the line in
/// others; only texts count.
const LINES: &[&[&str]] = &[
    &["event", "original"],
    &["event.original"],
    &["rawmsg"],
    &["MESSAGE"],
    &["log"],
    &["event"],
    &["short_message"],
    &["full_message"],
    &["msg"],
    &["line"],
    &["_raw"],
];
const HOSTS: &[&[&str]] = &[
    &["_HOSTNAME"],
    &["host", "hostname"],
    &["host", "name"],
    &["host.hostname"],
    &["host.name"],
    &["hostname"],
    &["host"],
    &["fromhost"],
    &["agent", "hostname"],
    &["Computer"],
];
const PROGRAMS: &[&[&str]] = &[
    &["SYSLOG_IDENTIFIER"],
    &["syslog", "identifier"],
    &["log", "syslog", "appname"],
    &["programname"],
    &["appname"],
    &["app_name"],
    &["ident"],
    &["program"],
    &["process", "name"],
    &["process", "program"],
    &["process.name"],
    &["_COMM"],
    &["_application_name"],
    &["_app_name"],
    &["syslogtag"],
];
const PIDS: &[&[&str]] = &[
    &["_PID"],
    &["SYSLOG_PID"],
    &["procid"],
    &["pid"],
    &["process", "pid"],
    &["process.pid"],
    &["log", "syslog", "procid"],
    &["_process_id"],
];
const TIMES: &[&[&str]] = &[
    &["_SOURCE_REALTIME_TIMESTAMP"],
    &["__REALTIME_TIMESTAMP"],
    &["timereported"],
    &["@timestamp"],
    &["timestamp"],
    &["ISODATE"],
    &["time"],
    &["date"],
    &["timegenerated"],
];
const FILES: &[&[&str]] = &[
    &["log", "file", "path"],
    &["log.file.path"],
    &["file"],
    &["filename"],
    &["filepath"],
];
/// Where doors put what a protocol says beside a line: labels of Loki and fields of HEC; attributes of a record and of
/// its resource in OTLP.
const LABELS: [&str; 3] = ["labels", "attributes", "resource"];
/// The names that are usual there.
const LABELS_OF_HOSTS: [&str; 6] = ["host", "hostname", "host.name", "nodename", "node_name", "instance"];
const LABELS_OF_PROGRAMS: [&str; 6] = [
    "syslog_identifier",
    "appname",
    "program",
    "syslog.appname",
    "process.executable.name",
    "app",
];
const LABELS_OF_PIDS: [&str; 4] = ["proc_id", "procid", "pid", "process.pid"];
const LABELS_OF_FILES: [&str; 3] = ["filename", "log.file.path", "log.file.name"];
/// The shipper's own id of the line: the journal's place of it.
const ID: &str = "__CURSOR";
/// The longest name in a header, in bytes. RFC 5424 allows 255.
const NAME_BYTES_MAX: usize = 255;

/// A line that was in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shipped {
    /// The line, with a header.
    pub(crate) line: String,
    /// The document as it came.
    pub(crate) record: String,
    /// The shipper's own id of the line.
    pub(crate) native_id: Option<String>,
    /// The file that the shipper read it from.
    pub(crate) file: Option<String>,
}

/// The events in a record that surely wraps several, whatever its source is called.
pub(crate) fn events(record: &[u8], zone: &TimeZone, is_bare: bool) -> Option<Vec<Shipped>> {
    if !record.trim_ascii_start().starts_with(b"{") || !log_events::may_be(record) {
        return None;
    }
    let record = String::from_utf8_lossy(record);
    log_events::open(&Json::parse(record.trim()).ok()?, zone, is_bare)
}

/// The line that is in a record, if the record is a shipper's document. A line that `is_bare` is given no
/// header: a row of a table has none.
pub(crate) fn unwrap(record: &[u8], zone: &TimeZone, is_bare: bool) -> Option<Shipped> {
    if !record.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let record = String::from_utf8_lossy(record);
    let json = Json::parse(record.trim()).ok()?;
    let line = match common_security_log::line(&json) {
        Some(line) => Cow::Owned(line),
        None => LINES.iter().find_map(|path| line_at(&json, path))?,
    };
    let line = line_of(&json, line, zone, is_bare);
    let native_id = json.text_at(ID).map(Cow::into_owned);
    let file = FILES.iter().find_map(|path| at(&json, path)?.text());
    let file = file.or_else(|| label(&json, &LABELS_OF_FILES));
    let file = file.map(|path| word(Some(&path)));
    Some(Shipped {
        line,
        native_id,
        file,
        record: record.into_owned(),
    })
}

/// The line with a header, where it needs one.
fn line_of(json: &Json<'_>, line: Cow<'_, str>, zone: &TimeZone, is_bare: bool) -> String {
    if is_bare || is_record(&line) || Frame::parse(&line).is_some() {
        line.into_owned()
    } else {
        with_header(json, &line, zone)
    }
}

/// Whether it is a vendor's record in JSON or XML, which has no header.
fn is_record(line: &str) -> bool {
    let line = line.trim_start();
    let is_xml = |rest: &str| rest.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '?');
    line.starts_with(['{', '[']) || line.strip_prefix('<').is_some_and(is_xml)
}

fn at<'j>(json: &'j Json<'j>, path: &[&str]) -> Option<&'j Json<'j>> {
    path.iter().try_fold(json, |json, key| json.get(key))
}

/// What stands under the first of these names that means something.
fn label<'j>(json: &'j Json<'j>, names: &[&str]) -> Option<Cow<'j, str>> {
    let labels = LABELS.iter().filter_map(|name| json.get(name));
    labels
        .flat_map(|labels| names.iter().map(|name| labels.text_at(name)))
        .find_map(|found| found)
}

/// A text; what the journal could not take for UTF-8 is a list of bytes.
fn line_at<'j>(json: &'j Json<'j>, path: &[&str]) -> Option<Cow<'j, str>> {
    let line = match at(json, path)? {
        Json::Text(text) => Cow::Borrowed(text.as_ref()),
        Json::List(bytes) => {
            let bytes: Option<Vec<u8>> = bytes.iter().map(|byte| byte.int()?.try_into().ok()).collect();
            Cow::Owned(String::from_utf8_lossy(&bytes?).into_owned())
        }
        Json::Null | Json::Flag(_) | Json::Number(_) | Json::Object(_) => return None,
    };
    if line.trim().is_empty() { None } else { Some(line) }
}

/// The line behind a header of RFC 5424 of what the document knows.
fn with_header(json: &Json<'_>, line: &str, zone: &TimeZone) -> String {
    let text = |paths: &[&[&str]], labels: &[&str]| {
        let found = paths.iter().find_map(|path| at(json, path)?.text());
        found
            .filter(|text| !EventBuilder::means_nothing(text))
            .or_else(|| label(json, labels))
    };
    let (program, tagged) = match text(PROGRAMS, &LABELS_OF_PROGRAMS) {
        Some(tag) => split_tag(&tag),
        None => (None, None),
    };
    let pid = text(PIDS, &LABELS_OF_PIDS).map(Cow::into_owned).or(tagged);
    let time = TIMES.iter().find_map(|path| time_at(at(json, path)?, zone));
    let time = time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let (host, program) = (word(text(HOSTS, &LABELS_OF_HOSTS).as_deref()), word(program.as_deref()));
    let pid = word(pid.as_deref());
    // Facility and severity of a user's notice: nothing is read of them.
    format!(
        "<13>1 {time} {host} {program} {pid} - - {}",
        line.trim_start_matches(' ')
    )
}

/// `sshd[7]:` taken apart.
fn split_tag(tag: &str) -> (Option<String>, Option<String>) {
    let tag = tag.trim().trim_end_matches(':');
    match tag.strip_suffix(']').and_then(|tag| tag.rsplit_once('[')) {
        Some((program, pid)) => (Some(program.to_owned()), Some(pid.to_owned())),
        None => (Some(tag.to_owned()), None),
    }
}

/// A name as a header may have it: without space and not too long.
fn word(text: Option<&str>) -> String {
    let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("-");
    let text = text.get(..text.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
    text.replace(|c: char| c.is_whitespace() || c.is_control(), "_")
}

fn time_at(value: &Json<'_>, zone: &TimeZone) -> Option<Time> {
    match value {
        Json::Text(text) => timestamp::iso(text, zone).or_else(|| time_of(value)),
        Json::Number(_) => time_of(value),
        Json::Null | Json::Flag(_) | Json::List(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
