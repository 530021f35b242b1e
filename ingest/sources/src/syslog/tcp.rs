//! Syslog over TCP, with and without TLS (RFC 6587, RFC 5425).

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::SyslogDoor;
use super::batch::Batch;
use super::framing::Framer;
use crate::DoorError;
use crate::door::append_patiently;
use crate::tcp::{Connection, Listener, Stream, close};
use crate::tls::Tls;

/// How much is read from a connection at once.
const READ_BYTES: usize = 16 * 1024;

/// A listener for syslog over TCP.
#[derive(Debug)]
pub struct SyslogTcp {
    listener: Listener,
    door: SyslogDoor,
    /// What the origin begins with.
    protocol: &'static str,
}

impl SyslogTcp {
    /// Listens on `address`.
    pub async fn bind(address: SocketAddr, door: SyslogDoor) -> Result<Self, DoorError> {
        Ok(Self {
            listener: Listener::bind("syslog over TCP", address, None).await?,
            door,
            protocol: "syslog-tcp",
        })
    }

    /// Listens on `address` for connections with TLS.
    pub async fn bind_tls(address: SocketAddr, door: SyslogDoor, tls: Tls) -> Result<Self, DoorError> {
        Ok(Self {
            listener: Listener::bind("syslog over TLS", address, Some(tls)).await?,
            door,
            protocol: "syslog-tls",
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves connections until `shutdown`, and returns when all have ended.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), DoorError> {
        let Self {
            listener,
            door,
            protocol,
        } = self;
        let serve = move |connection: Connection| {
            let sender = Sender {
                door: door.clone(),
                protocol,
                peer: connection.peer.ip(),
            };
            async move { sender.serve(connection.stream, connection.shutdown).await }
        };
        listener.run(shutdown, serve).await;
        Ok(())
    }
}

#[derive(Debug)]
struct Sender {
    door: SyslogDoor,
    protocol: &'static str,
    peer: IpAddr,
}

impl Sender {
    async fn serve(&self, mut stream: Box<dyn Stream>, shutdown: CancellationToken) {
        self.receive(&mut stream, shutdown).await;
        close(stream).await;
    }

    async fn receive(&self, stream: &mut Box<dyn Stream>, shutdown: CancellationToken) {
        let mut framer = Framer::default();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                read = stream.read(&mut buffer) => read,
            };
            match read {
                Ok(0) => break,
                Ok(count) => framer.push(buffer.get(..count).unwrap_or_default()),
                Err(error) => {
                    debug!(peer = %self.peer, %error, "a connection for syslog broke");
                    break;
                }
            }
            if !self.drain(&mut framer, stream, &shutdown).await {
                return;
            }
        }
        let mut last = Batch::default();
        last.extend(&self.door, self.peer, framer.finish());
        self.append(last, &shutdown).await;
    }

    /// Appends the messages that are whole, and what else is there already; whether to go on.
    async fn drain(&self, framer: &mut Framer, stream: &mut Box<dyn Stream>, shutdown: &CancellationToken) -> bool {
        let mut buffer = vec![0; READ_BYTES];
        let mut batch = Batch::default();
        loop {
            match framer.next() {
                Ok(Some(message)) => batch.extend(&self.door, self.peer, Some(message)),
                // The end of the stream, and its errors, are met again by the next read.
                Ok(None) => match read_if_ready(stream, &mut buffer).await {
                    0 => return self.append(batch, shutdown).await,
                    count => framer.push(buffer.get(..count).unwrap_or_default()),
                },
                Err(error) => {
                    warn!(peer = %self.peer, %error, "closed a connection for syslog");
                    self.append(batch, shutdown).await;
                    return false;
                }
            }
            if batch.is_full() && !self.append(std::mem::take(&mut batch), shutdown).await {
                return false;
            }
        }
    }

    /// Whether the connection goes on.
    async fn append(&self, batch: Batch, shutdown: &CancellationToken) -> bool {
        let counters = &self.door.counters;
        for (_, records) in batch.into_records(&self.door, self.protocol) {
            let (source, count) = (Arc::clone(&records.origin.source), records.records.len());
            counters.receive(&source, count);
            match append_patiently(&self.door.spool, records, &*self.door.clock, shutdown).await {
                Ok(Some(appended)) => counters.accept(&source, count, appended.repeated),
                Ok(None) => counters.drop_some("shutdown", count),
                Err(error) => {
                    warn!(peer = %self.peer, %error, "closed a connection for syslog");
                    counters.drop_some("spool", count);
                    return false;
                }
            }
        }
        true
    }
}

/// Reads what is there without waiting; 0 if there is nothing.
async fn read_if_ready(stream: &mut Box<dyn Stream>, buffer: &mut [u8]) -> usize {
    poll_fn(|context| {
        let mut read = ReadBuf::new(buffer);
        match Pin::new(&mut *stream).poll_read(context, &mut read) {
            Poll::Ready(Ok(())) => Poll::Ready(read.filled().len()),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(0),
        }
    })
    .await
}

impl Batch {
    fn extend(&mut self, door: &SyslogDoor, peer: IpAddr, message: Option<Vec<u8>>) {
        if let Some(message) = message {
            self.push(peer, (door.classify)(&message), message);
        }
    }
}
