//! `/loki/api/v1/push`: Grafana Loki, in JSON and in protobuf packed with snappy. The record is the line, with its time
//! and the labels beside it.
//! <https://grafana.com/docs/loki/latest/reference/loki-http-api/>

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};

use super::health::is_healthy;
use crate::http::answer::{Refusal, typed_response};
use crate::http::beside::{self, Beside};
use crate::http::call::Call;
use crate::http::intake::Intake;
use crate::http::json;
use crate::http::protobuf::{Broken, Value, fields};
use crate::http::sorter::{Hint, Sorter};
use crate::packing::Packing;

const TEXT: &str = "text/plain; charset=utf-8";

/// The labels that may name a source.
const OWN_LABEL: &str = "sekisho_source";
const JOB_LABEL: &str = "job";

pub(super) fn routes() -> Router<Intake> {
    Router::new()
        .route("/loki/api/v1/push", post(push))
        .route("/api/prom/push", post(push))
        .route("/ready", get(ready))
}

async fn ready(State(intake): State<Intake>) -> Response<Body> {
    if is_healthy(&intake) {
        typed_response(StatusCode::OK, TEXT, "ready\n")
    } else {
        typed_response(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready\n")
    }
}

async fn push(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let mut call = Call::from(request);
    let is_protobuf = call.content_type().starts_with("application/x-protobuf");
    if is_protobuf && call.content_encoding().is_none() {
        call.packing = Some(Packing::Snappy);
    }
    let read = if is_protobuf { read_protobuf } else { read_json };
    match intake.take_in(call, None, read).await {
        Ok(_) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(refusal) => refuse(&refusal),
    }
}

/// Promtail and Alloy come again after 429 and 5xx only.
fn refuse(refusal: &Refusal) -> Response<Body> {
    let status = match refusal {
        Refusal::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
        refusal => refusal.status(),
    };
    refusal.told_in(typed_response(status, TEXT, refusal.text() + "\n"))
}

fn read_json(body: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let body = json::object(body)?;
    if json::get(body, "streams").is_none() {
        return Err(Refusal::Undecodable("expected an object with streams".to_owned()));
    }
    json::array(body, "streams")?.try_for_each(|stream| read_json_stream(stream, sorter))
}

fn read_json_stream(stream: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    // `labels` and `entries` are what `/api/prom/push` had.
    let labels = match (json::get(stream, "stream"), json::get_text(stream, "labels")) {
        (Some(labels), _) => Cow::Borrowed(labels),
        (None, Some(labels)) => Cow::Owned(labels_in(&labels)),
        (None, None) => Cow::Borrowed(&b"{}"[..]),
    };
    let job = json::get_text(&labels, OWN_LABEL).or_else(|| json::get_text(&labels, JOB_LABEL));
    let hint = Hint::declared(job.as_deref());
    let beside = Beside::default().json(
        beside::LABELS,
        Some(&labels)
            .filter(|labels| labels.starts_with(b"{"))
            .map(|labels| &**labels),
    );
    let key = ["values", "entries"]
        .into_iter()
        .find(|key| json::get(stream, key).is_some());
    let Some(key) = key else {
        return sorter.push(hint, stream);
    };
    for value in json::array(stream, key)? {
        let (time, line) = match value.first() {
            Some(b'[') => {
                let mut elements = json::elements(value);
                (elements.next(), elements.next().and_then(json::text))
            }
            _ => (json::get(value, "ts"), json::get_text(value, "line")),
        };
        // What has no line that can be read is a record as it stands.
        let Some(line) = line else {
            sorter.push(hint, value)?;
            continue;
        };
        sorter.push(hint, &beside.clone().json(beside::TIME, time).around(line.as_bytes()))?;
    }
    Ok(())
}

fn read_protobuf(body: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let broken = |Broken| Refusal::Undecodable("the body is not a push request of Loki".to_owned());
    // PushRequest { streams = 1 }; its streams are { labels = 1, entries = 2 }.
    for stream in fields(body).messages(1) {
        let stream = stream.map_err(broken)?;
        let labels = fields(stream).messages(1).next().transpose().map_err(broken)?;
        let labels = labels.and_then(|labels| std::str::from_utf8(labels).ok());
        let labels = labels.map(labels_in).unwrap_or_default();
        let job = json::get_text(&labels, OWN_LABEL).or_else(|| json::get_text(&labels, JOB_LABEL));
        let hint = Hint::declared(job.as_deref());
        let beside = Beside::default().json(beside::LABELS, Some(&labels));
        for entry in fields(stream).messages(2) {
            let entry = entry.map_err(broken)?;
            let Some(line) = line_of(entry) else {
                sorter.push(hint, entry)?;
                continue;
            };
            let time = time_of(entry);
            let beside = beside.clone().json(beside::TIME, time.as_deref().map(str::as_bytes));
            sorter.push(hint, &beside.around(line))?;
        }
    }
    Ok(())
}

/// The line of an entry { timestamp = 1, line = 2 }.
fn line_of(entry: &[u8]) -> Option<&[u8]> {
    fields(entry).find_map(|field| match field {
        Ok((2, Value::Bytes(line))) => Some(line),
        _ => None,
    })
}

/// The time of an entry, { seconds = 1, nanoseconds = 2 }, in nanoseconds.
fn time_of(entry: &[u8]) -> Option<String> {
    let time = fields(entry).messages(1).next()?.ok()?;
    let number = |number: u64| {
        fields(time).find_map(|field| match field {
            Ok((found, Value::Number(value))) if found == number => Some(value),
            _ => None,
        })
    };
    let nanoseconds = number(1)?.checked_mul(1_000_000_000)?;
    Some(nanoseconds.checked_add(number(2).unwrap_or_default())?.to_string())
}

/// Labels such as `{job="linux.sshd", host="a"}`, as far as they can be read, as an object of JSON.
fn labels_in(labels: &str) -> Vec<u8> {
    let mut object = vec![b'{'];
    let mut rest = labels.trim().strip_prefix('{').unwrap_or_default();
    while let Some((name, value)) = rest.split_once("=\"") {
        let Some((value, after)) = quoted(value) else { break };
        if 1 < object.len() {
            object.push(b',');
        }
        json::put_text(&mut object, name.trim_matches([' ', ',']));
        object.push(b':');
        json::put_text(&mut object, &value);
        rest = after;
    }
    object.push(b'}');
    object
}

/// A text before its closing quote, and what follows that. Go writes what JSON escapes as JSON does, and more.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut is_escaped = false;
    let end = text.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    let (value, after) = text.split_at_checked(end)?;
    let escaped = format!("\"{value}\"");
    let value = json::text(escaped.as_bytes()).map_or(Cow::Borrowed(value), |value| Cow::Owned(value.into_owned()));
    Some((value, after.strip_prefix('"')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_far_as_they_can_be() {
        for (labels, expected) in [
            (r#"{job="linux.sshd", host="a"}"#, r#"{"job":"linux.sshd","host":"a"}"#),
            (r#"{host="job=\"x"}"#, r#"{"host":"job=\"x"}"#),
            (r#"{path="C:\\logs", go="\a"}"#, r#"{"path":"C:\\logs","go":"\\a"}"#),
            ("{}", "{}"),
            ("job", "{}"),
            (r#"{host="a",job="unended"#, r#"{"host":"a"}"#),
        ] {
            assert_eq!(String::from_utf8(labels_in(labels)).unwrap(), expected, "{labels}");
        }
    }
}
