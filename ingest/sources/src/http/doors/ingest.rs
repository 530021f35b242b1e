//! `POST /ingest/{source}`: JSON in any of the forms of [`unwrap`](crate::unwrap), lines of text (also of
//! UTF-16), or `MessagePack` as Fluent Bit writes it. The content type does not matter, except that a map of
//! `MessagePack` without a time is only known by it.
//!
//! Two services that post here have ways of their own: Cloudflare Logpush first sends a test, and Google's
//! Pub/Sub wraps what it pushes.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::push_all;
use crate::forward;
use crate::http::answer::{Refusal, json_response};
use crate::http::call::Call;
use crate::http::form;
use crate::http::intake::Intake;
use crate::http::json;
use crate::http::sorter::{Hint, Sorter};

/// What Logpush sends before it sends anything else, to see whether it may.
const LOGPUSH_TEST: (&[u8], &[u8]) = (b"content", b"\"tests\"");

/// The test is 19 bytes long; the rest is for white space. A body that is longer is not looked into.
const LOGPUSH_TEST_BYTES_MAX: usize = 64;

/// What may stand beside the message of Pub/Sub. An object with anything else is an event.
/// <https://cloud.google.com/pubsub/docs/push#receive_push>
const PUSH_KEYS: [&[u8]; 3] = [b"message", b"subscription", b"deliveryAttempt"];

pub(super) fn routes() -> Router<Intake> {
    Router::new().route("/ingest/{source}", post(ingest))
}

async fn ingest(State(intake): State<Intake>, Path(source): Path<String>, request: Request<Body>) -> Response<Body> {
    let call = Call::from(request);
    let is_msgpack = call.content_type().contains("msgpack");
    let read = move |body: &[u8], sorter: &mut Sorter| read(body, is_msgpack, sorter);
    match intake.take_in(call, Some(&source), read).await {
        Ok(taken) => json_response(StatusCode::OK, &json!({ "accepted": taken.accepted })),
        Err(refusal) => refusal.into_response(),
    }
}

fn read(body: &[u8], is_msgpack: bool, sorter: &mut Sorter) -> Result<(), Refusal> {
    if let Some(entries) = forward::entries(body, is_msgpack) {
        let mut records = entries.into_iter().map(forward::record_of_entry);
        return records.try_for_each(|record| sorter.push(Hint::NONE, &record));
    }
    let body = &*form::opened(body)?;
    if is_logpush_test(body) {
        return Ok(());
    }
    match pushed(body) {
        Some(data) => push_all(sorter, Hint::NONE, &data),
        None => push_all(sorter, Hint::NONE, body),
    }
}

fn is_logpush_test(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.len() <= LOGPUSH_TEST_BYTES_MAX && json::is_object(body) && json::members(body).eq([LOGPUSH_TEST])
}

/// The data of a message that Pub/Sub pushes.
fn pushed(body: &[u8]) -> Option<Vec<u8>> {
    let body = body.trim_ascii();
    if !json::is_object(body) || !json::members(body).all(|(key, _)| PUSH_KEYS.contains(&key)) {
        return None;
    }
    json::get(body, "subscription")?;
    let message = json::get(body, "message")?;
    json::get(message, "messageId")?;
    STANDARD.decode(json::get_text(message, "data")?.as_bytes()).ok()
}
