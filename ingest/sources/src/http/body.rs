//! Reading a body within the memory and the time there is.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::Refusal;
use super::{BODIES_BYTES_MAX, WIRE_BYTES_MAX};

/// How long a sender may be silent within a body.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// How long a body may take as a whole: 32 MiB over 1 Mbit/s.
const BODY_TIME_MAX: Duration = Duration::from_mins(5);

/// How long a request waits for memory before it is told to come again.
const ROOM_WAIT: Duration = Duration::from_secs(1);

/// Memory that all requests share.
#[derive(Clone, Debug)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
}

/// The part of it that one request holds until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    room: Room,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(BODIES_BYTES_MAX)),
        }
    }

    pub(super) fn hold(&self) -> Held {
        Held {
            room: self.clone(),
            permit: None,
        }
    }
}

impl Held {
    /// Takes some more, waiting a little.
    pub(super) async fn more(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::Busy)?;
        let wait = Arc::clone(&self.room.bytes).acquire_many_owned(bytes);
        let Ok(Ok(permit)) = timeout(ROOM_WAIT, wait).await else {
            return Err(Refusal::Busy);
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}

/// Reads a body to its end.
pub(super) async fn read(body: Body, held: &mut Held) -> Result<Vec<u8>, Refusal> {
    if body.size_hint().lower() > u64::try_from(WIRE_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    timeout(BODY_TIME_MAX, read_chunks(body, held))
        .await
        .unwrap_or(Err(Refusal::TooSlow))
}

async fn read_chunks(mut body: Body, held: &mut Held) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = timeout(SILENCE_MAX, next(&mut body))
        .await
        .map_err(|_| Refusal::TooSlow)??
    {
        if WIRE_BYTES_MAX < bytes.len().saturating_add(chunk.len()) {
            return Err(too_large());
        }
        held.more(chunk.len()).await?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The next part of a body; `None` at its end. If the future is dropped, nothing is lost.
pub(super) async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(Refusal::Undecodable(format!("the body ended early: {error}"))),
            // What is no data are trailers, of which none is of interest.
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
        }
    }
}

fn too_large() -> Refusal {
    Refusal::TooLarge(format!("the body is larger than {WIRE_BYTES_MAX} bytes"))
}
