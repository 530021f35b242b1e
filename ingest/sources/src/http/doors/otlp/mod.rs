//! `POST /v1/logs`: OpenTelemetry logs over HTTP, in protobuf and in JSON.
//! <https://opentelemetry.io/docs/specs/otlp/>
//!
//! The record is the body of a log record: its text, its bytes, or its JSON. A log record without a body
//! is its attributes, and without those it is kept as it stands.

mod json;
mod protobuf;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use serde_json::json;

use crate::http::answer::{Refusal, json_response, typed_response};
use crate::http::call::Call;
use crate::http::intake::Intake;
use crate::http::protobuf::Message;

/// The attributes that may name a source.
const OWN_ATTRIBUTE: &str = "sekisho.source";
const SERVICE_ATTRIBUTE: &str = "service.name";

/// The names of attributes beside a line.
const RESOURCE: &str = "resource";
const ATTRIBUTES: &str = "attributes";

/// How deep a body may be nested. Each level is read anew, and loggers nest less than ten.
const DEPTH_MAX: usize = 32;

pub(super) fn routes() -> Router<Intake> {
    Router::new().route("/v1/logs", post(export))
}

/// The two encodings; the answer has that of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

async fn export(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let call = Call::from(request);
    let encoding = if call.content_type().contains("json") {
        Encoding::Json
    } else {
        Encoding::Protobuf
    };
    let read = match encoding {
        Encoding::Json => json::read,
        Encoding::Protobuf => protobuf::read,
    };
    match intake.take_in(call, None, read).await {
        // An empty `ExportLogsServiceResponse`: all was taken.
        Ok(_) => match encoding {
            Encoding::Json => json_response(StatusCode::OK, &json!({})),
            Encoding::Protobuf => protobuf_response(StatusCode::OK, Vec::new()),
        },
        Err(refusal) => refuse(encoding, &refusal),
    }
}

/// Says it as a `google.rpc.Status`. Clients come again after 429, 502, 503 and 504 only.
fn refuse(encoding: Encoding, refusal: &Refusal) -> Response<Body> {
    // <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
    let (status, code) = match refusal {
        Refusal::NoToken | Refusal::UnknownToken => (refusal.status(), 16),
        Refusal::Forbidden => (refusal.status(), 7),
        Refusal::UnknownSource(_) | Refusal::NotText(_) | Refusal::Undecodable(_) => (StatusCode::BAD_REQUEST, 3),
        Refusal::TooLarge(_) => (refusal.status(), 3),
        Refusal::Busy | Refusal::Full => (refusal.status(), 8),
        Refusal::TooSlow | Refusal::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, 14),
    };
    let text = refusal.text();
    let response = match encoding {
        Encoding::Json => json_response(status, &json!({ "code": code, "message": text })),
        Encoding::Protobuf => {
            let message = Message::default().number(1, code).bytes(2, text.as_bytes());
            protobuf_response(status, message.0)
        }
    };
    refusal.told_in(response)
}

fn protobuf_response(status: StatusCode, message: Vec<u8>) -> Response<Body> {
    typed_response(status, "application/x-protobuf", message)
}
