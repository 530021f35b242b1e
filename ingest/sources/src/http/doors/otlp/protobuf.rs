//! Logs in protobuf.
//! The numbers of the fields: <https://github.com/open-telemetry/opentelemetry-proto>, `logs/v1`, `common/v1`.

use super::{DEPTH_MAX, OWN_ATTRIBUTE, SERVICE_ATTRIBUTE};
use crate::http::answer::Refusal;
use crate::http::beside::{self, Beside};
use crate::http::json::put_text;
use crate::http::protobuf::{Broken, Value, fields};
use crate::http::sorter::{Hint, Sorter};

/// `LogsData` and `ExportLogsServiceRequest` alike.
const RESOURCE_LOGS: u64 = 1;

/// In `ResourceLogs`.
const RESOURCE: u64 = 1;
const SCOPE_LOGS: u64 = 2;

/// In `Resource`.
const RESOURCE_ATTRIBUTES: u64 = 1;

/// In `ScopeLogs`.
const LOG_RECORDS: u64 = 2;

/// In `LogRecord`.
const TIME: u64 = 1;
const OBSERVED_TIME: u64 = 11;
const BODY: u64 = 5;
const RECORD_ATTRIBUTES: u64 = 6;

/// In `AnyValue`.
const STRING: u64 = 1;
const BOOL: u64 = 2;
const INT: u64 = 3;
const DOUBLE: u64 = 4;
const ARRAY: u64 = 5;
const KVLIST: u64 = 6;
const BYTES: u64 = 7;

/// In `ArrayValue` and `KeyValueList`.
const VALUES: u64 = 1;

/// Reads a body.
pub(super) fn read(body: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    for resource_logs in fields(body).messages(RESOURCE_LOGS) {
        read_resource(resource_logs.map_err(refused)?, sorter)?;
    }
    Ok(())
}

fn refused(_: Broken) -> Refusal {
    Refusal::Undecodable("the body is not a protobuf message of logs".to_owned())
}

fn read_resource(resource_logs: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let resource = fields(resource_logs).messages(RESOURCE).next();
    let resource = resource.transpose().map_err(refused)?.unwrap_or_default();
    let declared = source_in(resource, RESOURCE_ATTRIBUTES);
    let beside = Beside::default().json(super::RESOURCE, attributes(resource, RESOURCE_ATTRIBUTES).as_deref());
    for scope_logs in fields(resource_logs).messages(SCOPE_LOGS) {
        for record in fields(scope_logs.map_err(refused)?).messages(LOG_RECORDS) {
            let record = record.map_err(refused)?;
            let hint = Hint {
                inside: source_in(record, RECORD_ATTRIBUTES),
                declared,
            };
            // A record that cannot be read is a record as it stands.
            match event(record) {
                Ok(event) => sorter.push(hint, &beside_record(&beside, record).around(&event))?,
                Err(Broken) => sorter.push(hint, record)?,
            }
        }
    }
    Ok(())
}

/// What is beside the body of a log record, and beside all of its resource.
fn beside_record(of_resource: &Beside, record: &[u8]) -> Beside {
    let number = |number: u64| {
        fields(record).find_map(|field| match field {
            Ok((found, Value::Number(value))) if found == number && 0 < value => Some(value.to_string()),
            _ => None,
        })
    };
    let time = number(TIME).or_else(|| number(OBSERVED_TIME));
    of_resource
        .clone()
        .json(beside::TIME, time.as_deref().map(str::as_bytes))
        .json(super::ATTRIBUTES, attributes(record, RECORD_ATTRIBUTES).as_deref())
}

/// The attributes of a message as an object.
fn attributes(message: &[u8], number: u64) -> Option<Vec<u8>> {
    let mut json = Vec::new();
    put_object(&mut json, fields(message).messages(number), DEPTH_MAX).ok()?;
    Some(json)
}

/// What the attributes of a message say of the source.
fn source_in(message: &[u8], attributes: u64) -> Option<&str> {
    let mut service = None;
    for attribute in fields(message).messages(attributes) {
        let (key, value) = key_and_value(attribute.ok()?).ok()?;
        let key_is = |name: &str| key == name.as_bytes();
        if !key_is(OWN_ATTRIBUTE) && !key_is(SERVICE_ATTRIBUTE) {
            continue;
        }
        let Ok(Some((STRING, Value::Bytes(text)))) = one_of(value) else {
            continue;
        };
        let text = std::str::from_utf8(text).ok();
        if key_is(OWN_ATTRIBUTE) {
            return text;
        }
        service = text;
    }
    service
}

/// The bytes of a log record. One that has neither body nor attributes cannot be read.
fn event(record: &[u8]) -> Result<Vec<u8>, Broken> {
    let body = fields(record).messages(BODY).next().transpose()?.unwrap_or_default();
    match one_of(body)? {
        Some((STRING | BYTES, Value::Bytes(text))) if !text.trim_ascii().is_empty() => return Ok(text.to_vec()),
        None | Some((STRING | BYTES, _)) => {}
        Some(_) => {
            let mut json = Vec::new();
            put(&mut json, body, DEPTH_MAX)?;
            return Ok(json);
        }
    }
    let mut attributes = fields(record).messages(RECORD_ATTRIBUTES).peekable();
    if attributes.peek().is_none() {
        return Err(Broken);
    }
    let mut json = Vec::new();
    put_object(&mut json, attributes, DEPTH_MAX)?;
    Ok(json)
}

/// The field of an `AnyValue`; the last one counts.
fn one_of(value: &[u8]) -> Result<Option<(u64, Value<'_>)>, Broken> {
    fields(value).try_fold(None, |_, field| field.map(Some))
}

/// Key and value of a `KeyValue`.
fn key_and_value(attribute: &[u8]) -> Result<(&[u8], &[u8]), Broken> {
    let (mut key, mut value) = (&[][..], &[][..]);
    for field in fields(attribute) {
        match field? {
            (1, Value::Bytes(bytes)) => key = bytes,
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Adds an `AnyValue` as JSON.
fn put(json: &mut Vec<u8>, value: &[u8], depth: usize) -> Result<(), Broken> {
    let depth = depth.checked_sub(1).ok_or(Broken)?;
    let text = match one_of(value)? {
        None => "null".to_owned(),
        Some((STRING | BYTES, Value::Bytes(text))) => {
            put_text(json, &String::from_utf8_lossy(text));
            return Ok(());
        }
        Some((BOOL, Value::Number(number))) => (number != 0).to_string(),
        Some((INT, Value::Number(number))) => number.cast_signed().to_string(),
        Some((DOUBLE, Value::Number(bits))) => return put_double(json, f64::from_bits(bits)),
        Some((ARRAY, Value::Bytes(array))) => return put_array(json, array, depth),
        Some((KVLIST, Value::Bytes(list))) => return put_object(json, fields(list).messages(VALUES), depth),
        Some(_) => return Err(Broken),
    };
    json.extend_from_slice(text.as_bytes());
    Ok(())
}

fn put_double(json: &mut Vec<u8>, number: f64) -> Result<(), Broken> {
    if number.is_finite() {
        return serde_json::to_writer(json, &number).map_err(|_| Broken);
    }
    put_text(json, &number.to_string());
    Ok(())
}

fn put_array(json: &mut Vec<u8>, array: &[u8], depth: usize) -> Result<(), Broken> {
    json.push(b'[');
    for (n, value) in fields(array).messages(VALUES).enumerate() {
        if 0 < n {
            json.push(b',');
        }
        put(json, value?, depth)?;
    }
    json.push(b']');
    Ok(())
}

fn put_object<'a>(
    json: &mut Vec<u8>,
    members: impl Iterator<Item = Result<&'a [u8], Broken>>,
    depth: usize,
) -> Result<(), Broken> {
    json.push(b'{');
    for (n, member) in members.enumerate() {
        if 0 < n {
            json.push(b',');
        }
        let (key, value) = key_and_value(member?)?;
        put_text(json, &String::from_utf8_lossy(key));
        json.push(b':');
        put(json, value, depth)?;
    }
    json.push(b'}');
    Ok(())
}
