//! A request, and the secret it carries.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::Refusal;
use crate::packing::Packing;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const FIREHOSE_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-firehose-request-id");
const FIREHOSE_KEY: HeaderName = HeaderName::from_static("x-amz-firehose-access-key");

/// A request that was not looked into yet.
#[derive(Debug)]
pub(super) struct Call {
    /// The path, which also tells one door's bodies from another's.
    pub(super) path: String,
    query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// How the body is packed, where the protocol says it without a header.
    pub(super) packing: Option<Packing>,
}

impl From<Request<Body>> for Call {
    fn from(request: Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        Self {
            path: head.uri.path().to_owned(),
            query: query
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            headers: head.headers,
            body,
            packing: None,
        }
    }
}

impl Call {
    /// The first parameter of this name.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    /// A header, if it is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn content_type(&self) -> &str {
        self.header(&CONTENT_TYPE).unwrap_or_default()
    }

    pub(super) fn user_agent(&self) -> &str {
        self.header(&USER_AGENT).unwrap_or_default()
    }

    pub(super) fn content_encoding(&self) -> Option<&[u8]> {
        self.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes)
    }

    /// What is the same for a body that is sent again, if the sender says it. Firehose has its own
    /// header for it, because the time in its body changes.
    pub(super) fn idempotency_key(&self) -> Option<&[u8]> {
        let key = self.headers.get(IDEMPOTENCY_KEY);
        let key = key.or_else(|| self.headers.get(FIREHOSE_REQUEST_ID));
        key.map(HeaderValue::as_bytes)
    }

    /// The id that Firehose gave the request.
    pub(super) fn firehose_request_id(&self) -> &str {
        self.header(&FIREHOSE_REQUEST_ID).unwrap_or_default()
    }

    /// The secret of the sender: from the `Authorization` header, Firehose's own header, or, for senders
    /// that can set neither, `?token=`.
    ///
    /// A page in somebody's browser can post to the loopback address too. It can put anything into the
    /// address, but a header only after a question that no door answers; programs send no `Origin`.
    pub(super) fn secret(&self) -> Result<Option<Cow<'_, [u8]>>, Refusal> {
        if let Some(header) = self.headers.get(AUTHORIZATION) {
            return Ok(Some(in_authorization(header.as_bytes())));
        }
        if let Some(key) = self.headers.get(FIREHOSE_KEY) {
            return Ok(Some(Cow::Borrowed(key.as_bytes())));
        }
        if self.headers.contains_key(ORIGIN) {
            return Err(Refusal::Forbidden);
        }
        Ok(self.parameter("token").map(|token| Cow::Borrowed(token.as_bytes())))
    }
}

/// The secret in an `Authorization` header: after `Bearer` or `Splunk`; the password after `Basic`; the
/// key after `ApiKey`. Anything else is a secret as it stands: Okta sends what it was given.
fn in_authorization(header: &[u8]) -> Cow<'_, [u8]> {
    let header = header.trim_ascii();
    let Some(at) = memchr::memchr(b' ', header) else {
        return Cow::Borrowed(header);
    };
    let (scheme, rest) = header.split_at(at);
    let rest = rest.trim_ascii();
    match scheme.to_ascii_lowercase().as_slice() {
        b"bearer" | b"splunk" => Cow::Borrowed(rest),
        b"basic" | b"apikey" => after_colon(rest).map_or(Cow::Borrowed(rest), Cow::Owned),
        _ => Cow::Borrowed(header),
    }
}

/// What follows the first colon in base64, as of `user:password` and `id:key`.
fn after_colon(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = STANDARD.decode(encoded).ok()?;
    let at = memchr::memchr(b':', &decoded)?;
    Some(decoded.split_off(at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn call(uri: &str, headers: Headers<'_>) -> Call {
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap().into()
    }

    #[test]
    fn a_secret_comes_in_many_ways() {
        let cases: [(&str, Headers<'_>, Option<&str>); 14] = [
            ("/", &[], None),
            ("/?token=a%2Bb", &[], Some("a+b")),
            ("/?token=a", &[("authorization", "Bearer b")], Some("b")),
            ("/", &[("authorization", "bearer  b ")], Some("b")),
            ("/", &[("authorization", "Splunk b")], Some("b")),
            // x:b:c
            ("/", &[("authorization", "Basic eDpiOmM=")], Some("b:c")),
            // id:key
            ("/", &[("authorization", "ApiKey aWQ6a2V5")], Some("key")),
            ("/", &[("authorization", "ApiKey k_e-y")], Some("k_e-y")),
            ("/", &[("authorization", "Basic !")], Some("!")),
            ("/", &[("authorization", "whole")], Some("whole")),
            ("/", &[("authorization", "Digest x")], Some("Digest x")),
            ("/", &[("authorization", "")], Some("")),
            ("/", &[("x-amz-firehose-access-key", "k")], Some("k")),
            ("/?token=a", &[("x-amz-firehose-access-key", "k")], Some("k")),
        ];
        for (uri, headers, expected) in cases {
            let call = call(uri, headers);
            let secret = call.secret().unwrap();
            assert_eq!(secret.as_deref(), expected.map(str::as_bytes), "{uri} {headers:?}");
        }
    }

    #[test]
    fn a_page_in_a_browser_needs_a_header() {
        let origin = ("origin", "https://example.com");

        assert_eq!(call("/", &[origin]).secret(), Err(Refusal::Forbidden));
        assert_eq!(call("/?token=a", &[origin]).secret(), Err(Refusal::Forbidden));
        assert!(call("/", &[origin, ("authorization", "Bearer a")]).secret().is_ok());
    }
}
