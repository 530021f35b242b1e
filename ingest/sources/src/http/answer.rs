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
    /// No token.
    NoToken,
    /// A token that nobody knows.
    UnknownToken,
    /// A token for other sources, or a page in a browser.
    Forbidden,
    /// A source that nobody knows; the known ones.
    UnknownSource(String),
    /// The body is more than is taken at once; what was expected.
    TooLarge(String),
    /// The body is of a kind that holds no records; what to send instead.
    NotText(String),
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
    /// The status that says it best.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::UnknownToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::UnknownSource(_) => StatusCode::NOT_FOUND,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotText(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Undecodable(_) => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Full => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The word under which it is counted.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NoToken | Self::UnknownToken => "token",
            Self::Forbidden => "forbidden",
            Self::UnknownSource(_) => "unknown_source",
            Self::TooLarge(_) => "too_large",
            Self::NotText(_) => "not_text",
            Self::Undecodable(_) => "undecodable",
            Self::TooSlow => "too_slow",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Whether the same request may be taken later.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::TooSlow | Self::Busy | Self::Full | Self::Unavailable(_))
    }

    /// For protocols whose senders come again after any 503, but not after every other status that passes.
    pub(super) fn status_or_503(&self) -> StatusCode {
        if self.passes() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            self.status()
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

    /// For people.
    pub(super) fn text(&self) -> String {
        match self {
            Self::NoToken | Self::UnknownToken => {
                "expected an authorization header with a known bearer token".to_owned()
            }
            Self::Forbidden => "this token is for other sources".to_owned(),
            Self::UnknownSource(text) | Self::TooLarge(text) | Self::NotText(text) | Self::Undecodable(text) => {
                text.clone()
            }
            Self::TooSlow => "the body did not come in time".to_owned(),
            Self::Busy => "too many requests at once".to_owned(),
            Self::Full => "the spool is full".to_owned(),
            Self::Unavailable(text) => (*text).to_owned(),
        }
    }

    /// The refusal where no protocol says how it is told.
    pub(super) fn into_response(self) -> Response<Body> {
        self.told_in(json_response(self.status(), &json!({ "error": self.text() })))
    }

    /// Adds to a response the headers that go with the refusal in every protocol.
    pub(super) fn told_in(&self, mut response: Response<Body>) -> Response<Body> {
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Never `Basic`: a browser would ask for a password, and then send it along with foreign pages.
        if matches!(self, Self::NoToken | Self::UnknownToken) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A response with a JSON body.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    typed_response(status, "application/json", body.to_string())
}

/// A response with a body of any type.
pub(super) fn typed_response(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
