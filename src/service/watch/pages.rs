//! The pages about the service: `GET /metrics` and `GET /readyz`. `GET /healthz` is with the doors.
//!
//! Whether it lives and is ready says nothing that a stranger could use, so whoever reaches the port may ask. The metrics
//! name sources, channels and rules: they are for the machine itself, and for whoever has a token for `metrics`. A token
//! that sends records does not open them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::routing::get;
use sekisho_sources::http::Tokens;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Panel, metrics};

/// What a token must be for.
pub(crate) const METRICS: &str = "metrics";

/// What proxies say of whom they ask for: a request that has one does not come from this machine.
const FORWARDED: [HeaderName; 2] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
];

#[derive(Clone, Debug)]
struct Pages {
    panel: Arc<Panel>,
    tokens: watch::Receiver<Arc<Tokens>>,
    shutdown: CancellationToken,
}

/// The routes of the pages.
pub(in crate::service) fn router(
    panel: Arc<Panel>,
    tokens: watch::Receiver<Arc<Tokens>>,
    shutdown: CancellationToken,
) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/readyz", get(ready))
        .with_state(Pages {
            panel,
            tokens,
            shutdown,
        })
}

async fn metrics(
    State(pages): State<Pages>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response<Body> {
    if !may_see(&pages.tokens.borrow(), peer, &headers) {
        let mut refused = answer(
            StatusCode::UNAUTHORIZED,
            "text/plain",
            "expected a token for metrics\n".to_owned(),
        );
        let bearer = HeaderValue::from_static("Bearer");
        refused.headers_mut().insert(WWW_AUTHENTICATE, bearer);
        return refused;
    }
    match metrics::page(pages.panel.look().await) {
        Ok(page) => answer(StatusCode::OK, metrics::CONTENT_TYPE, page),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
    }
}

async fn ready(State(pages): State<Pages>) -> Response<Body> {
    let reason = if pages.shutdown.is_cancelled() {
        Some("the program is ending")
    } else {
        unready(&pages.panel)
    };
    let (status, body) = match reason {
        None => (StatusCode::OK, json!({ "status": "ready" })),
        Some(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "status": "not ready", "reason": reason }),
        ),
    };
    answer(status, "application/json", body.to_string())
}

/// Why no sender should be sent here, if so. Whoever reaches the port may ask as often as they like, so only memory is
/// looked at: neither the outbox nor the disk.
fn unready(panel: &Panel) -> Option<&'static str> {
    if panel.spool.failure().is_some() {
        return Some("the spool stopped");
    }
    if panel.spool.quota_bytes() <= panel.spool.status().bytes {
        return Some("the spool is full");
    }
    if !panel.numbers.is_running.load(Ordering::Relaxed) {
        return Some("nothing is judged at the moment");
    }
    None
}

fn may_see(tokens: &Tokens, peer: SocketAddr, headers: &HeaderMap) -> bool {
    if let Some(secret) = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes())) {
        return tokens.is_for(secret, METRICS);
    }
    let foreign = FORWARDED.iter().chain([&ORIGIN]).any(|name| headers.contains_key(name));
    peer.ip().to_canonical().is_loopback() && !foreign && headers.get(HOST).is_none_or(names_this_machine)
}

/// Whether the request was meant for this machine. A page in a browser here may ask its own name after that was pointed
/// at the loopback, and then is no stranger to the browser: only the name tells.
fn names_this_machine(host: &HeaderValue) -> bool {
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let host = host.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, secret) = header.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| secret.trim_ascii())
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use sekisho_sources::Token;

    use super::*;

    #[test]
    fn the_machine_itself_and_a_token_for_metrics_see_them() {
        let token = |secret: &str, sources: Option<&str>| Token {
            name: Arc::from("x"),
            hash: Token::hash(secret),
            sources: sources.map(|source| [Arc::from(source)].into()),
            tenant: Arc::from("default"),
        };
        let tokens = Tokens {
            tokens: vec![
                token("see", Some(METRICS)),
                token("send", Some("auto")),
                token("any", None),
            ],
            anonymous: None,
        };
        let check = |peer: &str, headers: &[(&str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            may_see(&tokens, peer.parse().unwrap(), &map)
        };
        let (here, there) = ("127.0.0.1:9", "192.0.2.7:9");
        assert!(check(here, &[]));
        assert!(check("[::1]:9", &[]));
        assert!(check("[::ffff:127.0.0.1]:9", &[]));
        assert!(!check(there, &[]));
        assert!(
            !check(here, &[("x-forwarded-for", "192.0.2.7")]),
            "a proxy on this machine"
        );
        assert!(
            !check(here, &[("origin", "https://example.com")]),
            "a page in a browser"
        );
        for host in [
            "127.0.0.1:8787",
            "127.0.0.1",
            "localhost:8787",
            "LOCALHOST",
            "[::1]:8787",
        ] {
            assert!(check(here, &[("host", host)]), "{host}");
        }
        for host in [
            "rebound.example",
            "127.0.0.1.example:8787",
            "192.0.2.7",
            "localhost.example",
            "",
            "a b",
        ] {
            assert!(!check(here, &[("host", host)]), "{host}: a name that was pointed here");
        }
        assert!(check(there, &[("authorization", "Bearer see")]));
        assert!(check(there, &[("authorization", "bearer  see")]));
        for secret in ["send", "any", "", "wrong"] {
            let header = format!("Bearer {secret}");
            assert!(!check(there, &[("authorization", &header)]), "{secret}");
            assert!(
                !check(here, &[("authorization", &header)]),
                "{secret}: a wrong token is no token"
            );
        }
    }
}
