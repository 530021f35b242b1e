//! What a sender is told.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// When to send again after a refusal that only memory caused.
const BUSY_SECONDS: u64 = 1;

/// When to send again after the spool was full: it has room again after the next epoch.
const FULL_SECONDS: u64 = 30;

/// When to send again while the program is being started anew.
const SHUTDOWN_SECONDS: u64 = 10;

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No token, or an unknown one.
    Unauthorised,
    /// A token for other sources.
    Forbidden,
    /// A source that nobody knows; the known ones.
    UnknownSource(String),
    /// The body is more than is taken at once; what was expected.
    TooLarge(String),
    /// The body cannot be decoded.
    Undecodable(String),
    /// The body did not come in time.
    TooSlow,
    /// Too many bodies are in hand.
    Busy,
    /// The spool is full.
    Full,
    /// The program ends, or cannot write.
    Unavailable(&'static str),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::UnknownSource(_) => StatusCode::NOT_FOUND,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Undecodable(_) => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Full => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy => Some(BUSY_SECONDS),
            Self::Full => Some(FULL_SECONDS),
            Self::Unavailable(_) => Some(SHUTDOWN_SECONDS),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Unauthorised => "expected an authorization header with a known bearer token".to_owned(),
            Self::Forbidden => "this token is for other sources".to_owned(),
            Self::UnknownSource(text) | Self::TooLarge(text) | Self::Undecodable(text) => text.clone(),
            Self::TooSlow => "the body did not come in time".to_owned(),
            Self::Busy => "too many requests at once".to_owned(),
            Self::Full => "the spool is full".to_owned(),
            Self::Unavailable(text) => (*text).to_owned(),
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = json_response(self.status(), &json!({ "error": self.text() }));
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self == Self::Unauthorised {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A response with a JSON body.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
