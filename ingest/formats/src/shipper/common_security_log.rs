//! Rows of Microsoft Sentinel's table `CommonSecurityLog`, which holds CEF taken apart: it is put together again, so
//! that it is read as the device's own line.
//! <https://learn.microsoft.com/azure/sentinel/cef-name-mapping>

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::json::Json;

/// What stands between the bars of CEF.
const HEADER: [&str; 6] = [
    "DeviceVendor",
    "DeviceProduct",
    "DeviceVersion",
    "DeviceEventClassID",
    "Activity",
    "LogSeverity",
];
/// The keys of CEF, and the columns that hold them.
const KEYS: [(&str, &str); 50] = [
    ("act", "DeviceAction"),
    ("app", "ApplicationProtocol"),
    ("cat", "DeviceEventCategory"),
    ("cnt", "EventCount"),
    ("cs1", "DeviceCustomString1"),
    ("cs1Label", "DeviceCustomString1Label"),
    ("cs2", "DeviceCustomString2"),
    ("cs2Label", "DeviceCustomString2Label"),
    ("cs3", "DeviceCustomString3"),
    ("cs3Label", "DeviceCustomString3Label"),
    ("cs4", "DeviceCustomString4"),
    ("cs4Label", "DeviceCustomString4Label"),
    ("cs5", "DeviceCustomString5"),
    ("cs5Label", "DeviceCustomString5Label"),
    ("cs6", "DeviceCustomString6"),
    ("cs6Label", "DeviceCustomString6Label"),
    ("cn1", "DeviceCustomNumber1"),
    ("cn1Label", "DeviceCustomNumber1Label"),
    ("deviceExternalId", "DeviceExternalID"),
    ("dhost", "DestinationHostName"),
    ("dntdom", "DestinationNTDomain"),
    ("dpt", "DestinationPort"),
    ("dpriv", "DestinationUserPrivileges"),
    ("dst", "DestinationIP"),
    ("duid", "DestinationUserID"),
    ("duser", "DestinationUserName"),
    ("dvc", "DeviceAddress"),
    ("dvchost", "DeviceName"),
    ("end", "EndTime"),
    ("externalId", "ExternalID"),
    ("fname", "FileName"),
    ("in", "ReceivedBytes"),
    ("msg", "Message"),
    ("out", "SentBytes"),
    ("outcome", "EventOutcome"),
    ("proto", "Protocol"),
    ("reason", "Reason"),
    ("request", "RequestURL"),
    ("requestClientApplication", "RequestClientApplication"),
    ("requestMethod", "RequestMethod"),
    ("rt", "ReceiptTime"),
    ("shost", "SourceHostName"),
    ("sntdom", "SourceNTDomain"),
    ("sproc", "SourceProcessName"),
    ("spt", "SourcePort"),
    ("spriv", "SourceUserPrivileges"),
    ("src", "SourceIP"),
    ("start", "StartTime"),
    ("suid", "SourceUserID"),
    ("suser", "SourceUserName"),
];
/// What the table has no columns for: `key=value;key=value`.
const OTHERS: &str = "AdditionalExtensions";

/// The line of CEF that a row was; `None` if it is no row of this table.
pub(super) fn line(json: &Json<'_>) -> Option<String> {
    let text = |name: &str| json.text_at(name);
    text("DeviceVendor")?;
    text("DeviceProduct")?;
    text("DeviceEventClassID")?;
    let mut line = "CEF:0".to_owned();
    for name in HEADER {
        let _never = write!(line, "|{}", escaped(&text(name).unwrap_or_default(), &['\\', '|']));
    }
    line.push('|');
    let mut put = |key: &str, value: &str| {
        let _never = write!(line, " {key}={}", escaped(value, &['\\', '=']));
    };
    for (key, column) in KEYS {
        if let Some(value) = text(column) {
            put(key, &value);
        }
    }
    for (key, value) in others(&text(OTHERS).unwrap_or_default()) {
        put(key, value);
    }
    Some(line)
}

/// The pairs of a list. A value may have a semicolon itself: the next pair begins with a name.
fn others(list: &str) -> Vec<(&str, &str)> {
    let is_name =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    let name_and_value = |text: &'_ str| text.split_once('=').is_some_and(|(name, _)| is_name(name.trim()));
    let mut pairs = Vec::new();
    let mut rest = list;
    while let Some((name, after)) = rest.split_once('=').filter(|(name, _)| is_name(name.trim())) {
        let mut ends = after.match_indices(';').map(|(at, _)| at);
        let end = ends.find(|at| after.get(at + 1..).is_some_and(name_and_value));
        let (value, next) = after.split_at(end.unwrap_or(after.len()));
        pairs.push((name.trim(), value.trim_end_matches(';')));
        rest = next.strip_prefix(';').unwrap_or_default();
    }
    pairs
}

fn escaped<'t>(text: &'t str, letters: &[char]) -> Cow<'t, str> {
    if !text.contains(letters) && !text.contains(['\r', '\n']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letters.contains(&letter) {
            out.push('\\');
        }
        out.push(if matches!(letter, '\r' | '\n') { ' ' } else { letter });
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_semicolons_stay_whole() {
        for (list, expected) in [
            ("a=1;b=2", vec![("a", "1"), ("b", "2")]),
            ("a=x; y;b=2", vec![("a", "x; y"), ("b", "2")]),
            ("a=x;;y", vec![("a", "x;;y")]),
            ("a=1;", vec![("a", "1")]),
            ("no pair", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(others(list), expected, "{list}");
        }
    }

    #[test]
    fn what_cef_gives_a_meaning_is_escaped() {
        let text =
            r#"{"DeviceVendor": "a|b", "DeviceProduct": "p", "DeviceEventClassID": "1", "Message": "x=1\\y\nz"}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(line(&json).as_deref(), Some(r"CEF:0|a\|b|p||1||| msg=x\=1\\y z"));
    }
}
