//! The door for HTTP: `POST /ingest/{source}`, and `GET /healthz`.
//!
//! The body is JSON in any of the forms of [`unwrap`](crate::unwrap), or lines of text; the content
//! type does not matter, and gzip, zstd and deflate are undone.
//!
//! # Invariants
//! * 200 means that all records of the body are durable. A bad record is a record, never a 4xx.
//! * A body that is sent again within a day (by `Idempotency-Key`, else by its contents) is answered
//!   like the first time and not taken in twice.
//! * A refusal that passes says when to come again.
//!
//! # Not here
//! Accepting connections, TLS and the time a request head may take: whoever serves the router.

mod answer;
mod body;
mod decompress;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use sekisho_model::{Clock, Origin, ids};
use sekisho_pipeline::Records;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::door::log_name;
use crate::lines::cut;
use crate::unwrap::records;
use crate::{Counters, Spool, SpoolError};
use answer::{Refusal, json_response};
use body::{Held, Room};
use decompress::Packing;
use tokens::{Denied, Sender};
pub use tokens::{Token, Tokens};

/// The largest body on the wire.
pub const WIRE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The largest body after it was unpacked. It becomes one frame of the spool, whole or not at all.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The most bytes of bodies that are in hand at once. What is made of them takes up to twice as much again.
pub const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most records in one body: with a body of the largest size, records of 128 bytes. Each costs
/// memory beside its bytes, so many empty ones would be a bomb.
pub const RECORDS_MAX: usize = 250_000;

/// What a record costs beside its bytes.
const RECORD_OVERHEAD_BYTES: usize = 48;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What the door works with.
#[derive(Clone, Debug)]
pub struct HttpDoor {
    /// Where records go.
    pub spool: Spool,
    /// Tells when they came.
    pub clock: Arc<dyn Clock>,
    /// Who may send; may change while the door is open.
    pub tokens: watch::Receiver<Arc<Tokens>>,
    /// The sources that are known.
    pub sources: Arc<[KnownSource]>,
    /// What went through.
    pub counters: Arc<Counters>,
    /// Cancelled when nothing more is taken.
    pub shutdown: CancellationToken,
}

/// A source that may stand in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSource {
    /// Its parser id, or `auto`.
    pub id: Arc<str>,
    /// Whether it sends old records, which are judged as if they were new.
    pub backfill: bool,
}

#[derive(Clone, Debug)]
struct Door {
    door: HttpDoor,
    room: Room,
}

/// The routes of the door.
pub fn router(door: HttpDoor) -> Router {
    Router::new()
        .route("/ingest/{source}", post(ingest))
        // The body is measured while it is read; axum's own limit is for its extractors.
        .layer(DefaultBodyLimit::disable())
        .route("/healthz", get(health))
        .with_state(Door { door, room: Room::new() })
}

async fn health(State(Door { door, .. }): State<Door>) -> Response<Body> {
    if door.shutdown.is_cancelled() {
        return json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "ending" }));
    }
    match door.spool.failure() {
        Some(reason) => json_response(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "status": "failed", "reason": reason }),
        ),
        None => json_response(StatusCode::OK, &json!({ "status": "ok" })),
    }
}

async fn ingest(
    State(state): State<Door>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    match state.take_in(&source, &headers, body).await {
        Ok(accepted) => json_response(StatusCode::OK, &json!({ "accepted": accepted })),
        Err(refusal) => {
            debug!(source, ?refusal, "refused a request");
            refusal.into_response()
        }
    }
}

/// A body that was split, and what has to be remembered of it.
#[derive(Debug)]
struct Split {
    records: Vec<Vec<u8>>,
    cursor: Arc<str>,
}

impl Door {
    /// Takes in a body; returns how many records it had.
    async fn take_in(&self, source: &str, headers: &HeaderMap, body: Body) -> Result<usize, Refusal> {
        let counters = &self.door.counters;
        let mut held = self.room.hold();
        let (origin, split) = match self.read(source, headers, body, &mut held).await {
            Ok(read) => read,
            Err(refusal) => {
                counters.receive(1);
                counters.refuse(1);
                return Err(refusal);
            }
        };
        let count = split.records.len();
        counters.receive(count);
        if count == 0 {
            return Ok(0);
        }
        let records = Records {
            origin,
            cursor: Some(split.cursor),
            records: split.records,
        };
        match self.door.spool.append(records, self.door.clock.now()).await {
            Ok(_) => {
                counters.accept(count);
                Ok(count)
            }
            Err(error) => {
                counters.refuse(count);
                Err(refused(&error))
            }
        }
    }

    async fn read(
        &self,
        source: &str,
        headers: &HeaderMap,
        body: Body,
        held: &mut Held,
    ) -> Result<(Origin, Split), Refusal> {
        let door = &self.door;
        if door.shutdown.is_cancelled() {
            return Err(Refusal::Unavailable("the program is ending"));
        }
        let authorization = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        // A page in somebody's browser can post to the loopback address too; programs send no `Origin`.
        if authorization.is_none() && headers.contains_key(ORIGIN) {
            return Err(Refusal::Forbidden);
        }
        let tokens = Arc::clone(&door.tokens.borrow());
        let sender = tokens.check(authorization, source).map_err(|denied| match denied {
            Denied::Unknown => Refusal::Unauthorised,
            Denied::OtherSource => Refusal::Forbidden,
        })?;
        let known = door
            .sources
            .iter()
            .find(|known| *known.id == *source)
            .ok_or_else(|| unknown(source, &door.sources))?;
        let body = body::read(body, held).await?;
        let packing = Packing::of(headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes), &body)?;
        let body = unpack(packing, body, held).await?;
        let key = headers.get(IDEMPOTENCY_KEY).map(|key| key.as_bytes().to_vec());
        let cursor = cursor(&sender, source, key.as_deref(), &body);
        let records = blocking(move || split(&body)).await??;
        held.more(records.len().saturating_mul(RECORD_OVERHEAD_BYTES)).await?;
        let origin = Origin {
            tenant: sender.tenant,
            source: Arc::clone(&known.id),
            label: Arc::from(format!("http:{}", sender.name)),
            log: log_name(),
            backfill: known.backfill,
        };
        Ok((origin, Split { records, cursor }))
    }
}

async fn unpack(packing: Packing, body: Vec<u8>, held: &mut Held) -> Result<Vec<u8>, Refusal> {
    if packing == Packing::Plain {
        return Ok(body);
    }
    let wire = body.len();
    let body = blocking(move || packing.unpack(body)).await??;
    held.more(body.len().saturating_sub(wire)).await?;
    Ok(body)
}

/// Work that takes long on a large body, beside the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Refusal::Unavailable("the program is ending"))
}

fn split(body: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let found: Vec<Vec<u8>> = records(body)
        .take(RECORDS_MAX + 1)
        .map(|record| cut(record).to_vec())
        .collect();
    if RECORDS_MAX < found.len() {
        return Err(Refusal::TooLarge(format!(
            "the body has more than {RECORDS_MAX} records"
        )));
    }
    Ok(found)
}

/// What is remembered of a body, so that it is not taken in twice.
fn cursor(sender: &Sender, source: &str, key: Option<&[u8]>, body: &[u8]) -> Arc<str> {
    let who = [sender.tenant.as_bytes(), sender.name.as_bytes(), source.as_bytes()];
    let hash = match key {
        Some(key) => ids::content_id(&[b"key", who[0], who[1], who[2], key]),
        None => ids::content_id(&[b"body", who[0], who[1], who[2], body]),
    };
    Arc::from(format!("http:{hash}"))
}

fn unknown(source: &str, sources: &[KnownSource]) -> Refusal {
    let ids: Vec<&str> = sources.iter().map(|known| &*known.id).collect();
    Refusal::UnknownSource(format!("unknown source {source:?}, expected one of {}", ids.join(" ")))
}

fn refused(error: &SpoolError) -> Refusal {
    match error {
        SpoolError::Full => Refusal::Full,
        SpoolError::TooLarge { .. } => Refusal::TooLarge(error.to_string()),
        _ => Refusal::Unavailable("nothing can be written at the moment"),
    }
}

#[cfg(test)]
mod tests;
