//! A connection that is read in frames.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Held, Room, Stream};
use crate::SpoolError;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// How long a peer may be silent between frames. Their senders keep what was not acknowledged, and
/// connect again; Beats keep a connection open while there is nothing to send.
const IDLE_MAX: Duration = Duration::from_mins(15);

/// How long a peer may be silent within a frame.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long an answer may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(30);

/// The size up to which a buffer is kept for the next frame.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// The first byte of TLS, and of nothing that the doors read.
const TLS_BEGINS: u8 = 0x16;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the peer closed it")]
    Closed,
    #[error("the program is ending")]
    Shutdown,
    #[error("the peer was silent for too long")]
    Silent,
    #[error("too much is in hand; the peer has to send again")]
    Busy,
    #[error("it broke: {0}")]
    Broken(#[from] io::Error),
    #[error("{0}")]
    Protocol(String),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl Ended {
    /// Whether someone has to look after it.
    pub(crate) fn is_trouble(&self) -> bool {
        matches!(self, Self::Busy | Self::Protocol(_) | Self::Spool(_))
    }
}

/// A connection, and what came and was not used yet.
pub(crate) struct Link {
    stream: Box<dyn Stream>,
    shutdown: CancellationToken,
    chunk: Vec<u8>,
    buffer: Vec<u8>,
    /// What lies before it in the buffer is done.
    place: usize,
    held: Held,
}

impl Link {
    pub(crate) fn new(stream: Box<dyn Stream>, shutdown: CancellationToken, room: &Room) -> Self {
        Self {
            stream,
            shutdown,
            chunk: vec![0; READ_BYTES],
            buffer: Vec::new(),
            place: 0,
            held: room.hold(),
        }
    }

    /// What came and was not used yet.
    pub(crate) fn rest(&self) -> &[u8] {
        self.buffer.get(self.place..).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The first `bytes` of the rest are used.
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.place = self.place.saturating_add(bytes).min(self.buffer.len());
    }

    /// Reads some more.
    pub(crate) async fn fill(&mut self) -> Result<(), Ended> {
        self.buffer.drain(..self.place);
        self.place = 0;
        if self.buffer.len() <= KEPT_BYTES_MAX {
            self.buffer.shrink_to(KEPT_BYTES_MAX);
        }
        let is_between = self.buffer.is_empty();
        if is_between {
            self.held.resize(0).await?;
        }
        let patience = if is_between { IDLE_MAX } else { SILENCE_MAX };
        let read = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Err(Ended::Shutdown),
            read = timeout(patience, self.stream.read(&mut self.chunk)) => read,
        };
        let count = read.map_err(|_| Ended::Silent)??;
        if count == 0 {
            return Err(if is_between {
                Ended::Closed
            } else {
                Ended::Protocol("the connection ended within a frame".to_owned())
            });
        }
        self.held.resize(self.buffer.len() + count).await?;
        self.buffer
            .extend_from_slice(self.chunk.get(..count).unwrap_or_default());
        Ok(())
    }

    /// Sends an answer.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let sent = timeout(SEND_MAX, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        });
        Ok(sent.await.map_err(|_| Ended::Silent)??)
    }

    /// Ends the connection.
    pub(crate) async fn close(self) {
        close(self.stream).await;
    }
}

/// Ends a connection so that its peer sees that nothing was cut off; not for a peer that does not
/// listen any more.
pub(crate) async fn close(mut stream: Box<dyn Stream>) {
    drop(timeout(SEND_MAX, stream.shutdown()).await);
}

/// What a first byte tells that is none of the protocol.
pub(crate) fn begins_otherwise(byte: u8) -> &'static str {
    match byte {
        TLS_BEGINS => " (this looks like TLS, which this listener is not set up for)",
        b'{' | b'[' => " (this looks like JSON)",
        b'G' | b'P' => " (this looks like HTTP)",
        _ => "",
    }
}
