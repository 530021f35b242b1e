//! Serving HTTP on a listener.
//!
//! # Invariants
//! * Whoever sends no request head in time is sent away, and so is whoever is still busy long after
//!   the program was told to end.
//! * A handler finds its peer as `ConnectInfo<SocketAddr>`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::debug;

use crate::tcp::{Connection, Listener};

/// How long a client may take to send the head of a request, and be silent between two: longer than
/// the minute for which proxies keep a connection, so that it is they who close it.
const HEAD_TIME_MAX: Duration = Duration::from_secs(65);

/// The largest head of a request, in bytes. Browsers and proxies keep to 16 KiB.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long requests in hand may take after a shutdown.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Serves `router` until `shutdown`, and returns when the requests in hand are answered.
pub async fn serve_http(listener: Listener, router: Router, shutdown: CancellationToken) {
    listener
        .run(shutdown, move |connection| serve(connection, router.clone()))
        .await;
}

async fn serve(connection: Connection, router: Router) {
    let Connection { stream, peer, shutdown } = connection;
    let answer = service_fn(move |request| answer(router.clone(), peer, request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let served = tokio::select! {
        biased;
        served = serving.as_mut() => Ok(served),
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN_MAX, serving).await
        }
    };
    match served {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%peer, %error, "a connection for HTTP broke"),
        Err(_) => debug!(%peer, "a request was not over {DRAIN_MAX:?} after the shutdown"),
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<axum::http::Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

#[cfg(test)]
mod tests;
