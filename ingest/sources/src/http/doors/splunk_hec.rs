//! `/services/collector`: Splunk's HTTP Event Collector.
//! <https://docs.splunk.com/Documentation/Splunk/latest/Data/HECRESTendpoints>
//!
//! Events are JSON objects one after the other; the record is the `event` of each, and of a line of text with what
//! stands beside it. What has no event is a record as it stands: a 400 would make most senders throw the whole batch
//! away. An acknowledgement is
//! true at once, because the answer itself came after everything was durable.

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, Request, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::health::is_healthy;
use super::push_all;
use crate::http::answer::{Refusal, json_response};
use crate::http::beside::{self, Beside};
use crate::http::call::Call;
use crate::http::intake::{Intake, Taken};
use crate::http::sorter::{Hint, Sorter};
use crate::http::{RECORDS_MAX, json};
use crate::unwrap::records;

const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");

pub(super) fn routes() -> Router<Intake> {
    Router::new()
        .route("/services/collector", post(events))
        .route("/services/collector/1.0", post(events))
        .route("/services/collector/event", post(events))
        .route("/services/collector/event/1.0", post(events))
        .route("/services/collector/raw", post(raw))
        .route("/services/collector/raw/1.0", post(raw))
        .route("/services/collector/ack", post(acks))
        .route("/services/collector/ack/1.0", post(acks))
        .route("/services/collector/health", get(health))
        .route("/services/collector/health/1.0", get(health))
}

async fn events(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    take(&intake, request.into(), read_events).await
}

async fn raw(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    take(&intake, request.into(), read_raw).await
}

type Read = fn(&[u8], &mut Sorter, Option<&str>) -> Result<(), Refusal>;

async fn take(intake: &Intake, call: Call, read: Read) -> Response<Body> {
    let with_ack = has_channel(&call);
    let sourcetype = call.parameter("sourcetype").map(str::to_owned);
    let taken = intake.take_in(call, None, move |body, sorter| {
        read(body, sorter, sourcetype.as_deref())
    });
    match taken.await {
        Ok(Taken { accepted: 0, .. }) => told(StatusCode::BAD_REQUEST, 5, "No data"),
        Ok(_) if with_ack => json_response(
            StatusCode::OK,
            &json!({ "text": "Success", "code": 0, "ackId": intake.next_ack() }),
        ),
        Ok(_) => told(StatusCode::OK, 0, "Success"),
        Err(refusal) => refuse(&refusal),
    }
}

fn read_events(body: &[u8], sorter: &mut Sorter, sourcetype: Option<&str>) -> Result<(), Refusal> {
    // What one object says of its events holds for those after it too.
    let mut sourcetype = sourcetype.map(Cow::Borrowed);
    for object in records(body) {
        // Where a body begins with no object, its lines may hold several.
        if !json::is_object(object) {
            sorter.push(Hint::declared(sourcetype.as_deref()), object)?;
            continue;
        }
        if let Some(named) = json::get_text(object, "sourcetype") {
            sourcetype = Some(named);
        }
        sorter.push(Hint::declared(sourcetype.as_deref()), &event(object))?;
    }
    Ok(())
}

/// The event of an object: its text, or its JSON as it stands; without one, the object.
fn event(object: &[u8]) -> Cow<'_, [u8]> {
    let event = match json::get(object, "event") {
        None | Some(b"null") => return Cow::Borrowed(object),
        Some(event) => event,
    };
    match json::text(event) {
        Some(text) if text.trim().is_empty() => Cow::Borrowed(object),
        Some(text) => Cow::Owned(beside(object).around(text.as_bytes()).into_owned()),
        None => beside(object).within(event),
    }
}

/// What the object says of its event. `source` is mostly the file that a line was in.
fn beside(object: &[u8]) -> Beside {
    let labels = json::get(object, "fields").filter(|fields| fields.starts_with(b"{"));
    Beside::default()
        .json(beside::TIME, json::get(object, "time"))
        .text(beside::HOST, json::get_text(object, "host").as_deref())
        .text("file", json::get_text(object, "source").as_deref())
        .json(beside::LABELS, labels)
}

fn read_raw(body: &[u8], sorter: &mut Sorter, sourcetype: Option<&str>) -> Result<(), Refusal> {
    push_all(sorter, Hint::declared(sourcetype), body)
}

fn has_channel(call: &Call) -> bool {
    call.headers.contains_key(CHANNEL) || call.parameter("channel").is_some()
}

/// Whether what was answered before is durable; it is.
async fn acks(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let call = Call::from(request);
    if !has_channel(&call) {
        return told(StatusCode::BAD_REQUEST, 10, "Data channel is missing");
    }
    // Nothing of it is a record, so nothing is appended.
    match intake.take_in(call, None, |body, _| read_acks(body)).await {
        Ok(taken) => json_response(StatusCode::OK, &json!({ "acks": taken.told })),
        Err(refusal) => refuse(&refusal),
    }
}

fn read_acks(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut told = Map::new();
    for ack in json::array(json::object(body)?, "acks")?.take(RECORDS_MAX) {
        let ack = std::str::from_utf8(ack).ok().and_then(|ack| ack.parse::<u64>().ok());
        let ack = ack.ok_or_else(|| Refusal::Undecodable("expected numbers as acks".to_owned()))?;
        told.insert(ack.to_string(), Value::Bool(true));
    }
    Ok(told)
}

async fn health(State(intake): State<Intake>) -> Response<Body> {
    if is_healthy(&intake) {
        told(StatusCode::OK, 17, "HEC is healthy")
    } else {
        told(StatusCode::SERVICE_UNAVAILABLE, 18, "HEC is unhealthy, queues are full")
    }
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    let (status, code, text) = match refusal {
        Refusal::NoToken => (refusal.status(), 2, "Token is required".to_owned()),
        Refusal::UnknownToken => (StatusCode::FORBIDDEN, 4, "Invalid token".to_owned()),
        Refusal::Forbidden => (refusal.status(), 4, refusal.text()),
        Refusal::UnknownSource(text) => (StatusCode::BAD_REQUEST, 7, text.clone()),
        Refusal::TooLarge(text) | Refusal::NotText(text) | Refusal::Undecodable(text) => {
            (refusal.status(), 6, text.clone())
        }
        Refusal::TooSlow | Refusal::Busy | Refusal::Full | Refusal::Unavailable(_) => (
            refusal.status_or_503(),
            9,
            format!("Server is busy: {}", refusal.text()),
        ),
    };
    refusal.told_in(told(status, code, &text))
}

fn told(status: StatusCode, code: u8, text: &str) -> Response<Body> {
    json_response(status, &json!({ "text": text, "code": code }))
}
