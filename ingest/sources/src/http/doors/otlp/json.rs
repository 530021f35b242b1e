//! Logs in JSON: protobuf's JSON form, with every value in an object that says its type.
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{DEPTH_MAX, OWN_ATTRIBUTE, SERVICE_ATTRIBUTE};
use crate::http::answer::Refusal;
use crate::http::beside::{self, Beside};
use crate::http::json::{array, elements, get, get_text, members, object, text};
use crate::http::sorter::{Hint, Sorter};

/// The value is not of the form.
#[derive(Clone, Copy, Debug)]
struct Broken;

/// Reads a body.
pub(super) fn read(body: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let body = object(body)?;
    if get(body, "resourceLogs").is_none() && members(body).next().is_some() {
        return Err(Refusal::Undecodable("expected an object with resourceLogs".to_owned()));
    }
    array(body, "resourceLogs")?.try_for_each(|resource_logs| read_resource(resource_logs, sorter))
}

fn read_resource(resource_logs: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let resource = get(resource_logs, "resource");
    let declared = resource.and_then(source_in);
    let beside = Beside::default().json(super::RESOURCE, resource.and_then(attributes).as_deref());
    for scope_logs in array(resource_logs, "scopeLogs")? {
        for record in array(scope_logs, "logRecords")? {
            read_record(record, declared.as_deref(), &beside, sorter)?;
        }
    }
    Ok(())
}

fn read_record(record: &[u8], declared: Option<&str>, beside: &Beside, sorter: &mut Sorter) -> Result<(), Refusal> {
    let inside = source_in(record);
    let hint = Hint {
        inside: inside.as_deref(),
        declared,
    };
    // A record that cannot be read is a record as it stands.
    match event(record) {
        Ok(event) => {
            let times = ["timeUnixNano", "observedTimeUnixNano"];
            let time = times
                .iter()
                .filter_map(|name| get(record, name))
                .find(|time| !matches!(*time, b"0" | b"\"0\""));
            let beside = beside
                .clone()
                .json(beside::TIME, time)
                .json(super::ATTRIBUTES, attributes(record).as_deref());
            sorter.push(hint, &beside.around(&event))
        }
        Err(Broken) => sorter.push(hint, record),
    }
}

/// What the attributes of an object say of the source.
fn source_in(owner: &[u8]) -> Option<Cow<'_, str>> {
    let mut service = None;
    for attribute in elements(get(owner, "attributes").unwrap_or_default()) {
        let key = get_text(attribute, "key");
        let named = || get_text(get(attribute, "value")?, "stringValue");
        match key.as_deref() {
            Some(OWN_ATTRIBUTE) => return named(),
            Some(SERVICE_ATTRIBUTE) => service = named(),
            _ => {}
        }
    }
    service
}

/// The attributes of an object as an object.
fn attributes(owner: &[u8]) -> Option<Vec<u8>> {
    let mut json = Vec::new();
    put_object(&mut json, get(owner, "attributes")?, DEPTH_MAX).ok()?;
    Some(json)
}

/// The bytes of a log record.
fn event(record: &[u8]) -> Result<Cow<'_, [u8]>, Broken> {
    if !record.starts_with(b"{") {
        return Err(Broken);
    }
    if let Some(body) = get(record, "body").filter(|body| body.starts_with(b"{")) {
        match members(body).last() {
            Some((b"stringValue", value)) => {
                let text = text(value).ok_or(Broken)?;
                if !text.trim().is_empty() {
                    return Ok(into_bytes(text));
                }
            }
            Some((b"bytesValue", value)) => {
                let encoded = text(value).ok_or(Broken)?;
                let bytes = STANDARD.decode(encoded.as_bytes()).map_err(|_| Broken)?;
                if !bytes.trim_ascii().is_empty() {
                    return Ok(Cow::Owned(bytes));
                }
            }
            Some(_) => {
                let mut json = Vec::new();
                put(&mut json, body, DEPTH_MAX)?;
                return Ok(Cow::Owned(json));
            }
            None => {}
        }
    }
    match get(record, "attributes").filter(|attributes| elements(attributes).next().is_some()) {
        Some(attributes) => {
            let mut json = Vec::new();
            put_object(&mut json, attributes, DEPTH_MAX)?;
            Ok(Cow::Owned(json))
        }
        None => Ok(Cow::Borrowed(record)),
    }
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Adds a value as plain JSON.
fn put(json: &mut Vec<u8>, value: &[u8], depth: usize) -> Result<(), Broken> {
    let depth = depth.checked_sub(1).ok_or(Broken)?;
    match members(value).last() {
        None => json.extend_from_slice(b"null"),
        // 64-bit integers are strings, because JavaScript has none.
        Some((b"intValue", number)) => json.extend_from_slice(without_quotes(number)),
        Some((b"stringValue" | b"bytesValue" | b"boolValue" | b"doubleValue", value)) => {
            json.extend_from_slice(value);
        }
        Some((b"arrayValue", list)) => put_array(json, get(list, "values").unwrap_or_default(), depth)?,
        Some((b"kvlistValue", list)) => put_object(json, get(list, "values").unwrap_or_default(), depth)?,
        Some(_) => return Err(Broken),
    }
    Ok(())
}

fn without_quotes(number: &[u8]) -> &[u8] {
    let inside = number.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let is_number = |text: &&[u8]| text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    inside.filter(is_number).unwrap_or(number)
}

fn put_array(json: &mut Vec<u8>, values: &[u8], depth: usize) -> Result<(), Broken> {
    json.push(b'[');
    for (n, value) in elements(values).enumerate() {
        if 0 < n {
            json.push(b',');
        }
        put(json, value, depth)?;
    }
    json.push(b']');
    Ok(())
}

fn put_object(json: &mut Vec<u8>, members: &[u8], depth: usize) -> Result<(), Broken> {
    json.push(b'{');
    for (n, member) in elements(members).enumerate() {
        if 0 < n {
            json.push(b',');
        }
        let key = get(member, "key").filter(|key| text(key).is_some()).ok_or(Broken)?;
        json.extend_from_slice(key);
        json.push(b':');
        put(json, get(member, "value").unwrap_or_default(), depth)?;
    }
    json.push(b'}');
    Ok(())
}
