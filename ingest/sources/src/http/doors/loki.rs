//! `/loki/api/v1/push`: Grafana Loki, in JSON and in protobuf packed with snappy. The record is the line.
//! <https://grafana.com/docs/loki/latest/reference/loki-http-api/>

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};

use super::health::is_healthy;
use crate::http::answer::{Refusal, typed_response};
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
    let job = match (json::get(stream, "stream"), json::get_text(stream, "labels")) {
        (Some(labels), _) => json::get_text(labels, OWN_LABEL).or_else(|| json::get_text(labels, JOB_LABEL)),
        (None, Some(labels)) => source_in(&labels).map(|source| Cow::Owned(source.to_owned())),
        (None, None) => None,
    };
    let hint = Hint::declared(job.as_deref());
    let key = ["values", "entries"]
        .into_iter()
        .find(|key| json::get(stream, key).is_some());
    let Some(key) = key else {
        return sorter.push(hint, stream);
    };
    for value in json::array(stream, key)? {
        let line = match value.first() {
            Some(b'[') => json::elements(value).nth(1).and_then(json::text),
            _ => json::get_text(value, "line"),
        };
        // What has no line that can be read is a record as it stands.
        sorter.push(hint, line.as_deref().map_or(value, str::as_bytes))?;
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
        let hint = Hint::declared(labels.and_then(source_in));
        for entry in fields(stream).messages(2) {
            let entry = entry.map_err(broken)?;
            sorter.push(hint, line_of(entry).unwrap_or(entry))?;
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

/// What labels such as `{job="linux.sshd", host="a"}` say of the source. A value with an escape is no
/// name of a source.
fn source_in(labels: &str) -> Option<&str> {
    let mut rest = labels.trim().strip_prefix('{')?;
    let mut job = None;
    while let Some((name, value)) = rest.split_once("=\"") {
        let end = value.find(['"', '\\'])?;
        let (value, after) = value.split_at_checked(end)?;
        match name.trim_matches([' ', ',']) {
            OWN_LABEL => return Some(value),
            JOB_LABEL => job = Some(value),
            _ => {}
        }
        rest = after.strip_prefix('"')?;
    }
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_a_source() {
        for (labels, expected) in [
            (r#"{job="linux.sshd", host="a"}"#, Some("linux.sshd")),
            (r#"{job="x",sekisho_source="linux.sshd"}"#, Some("linux.sshd")),
            (r#"{host="job=\"x"}"#, None),
            (r#"{host="a"}"#, None),
            ("{}", None),
            ("job", None),
            (r#"{job="unended"#, None),
        ] {
            assert_eq!(source_in(labels), expected, "{labels}");
        }
    }
}
