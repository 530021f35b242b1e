//! Listening on TCP: what all doors that accept connections do alike.
//!
//! # Invariants
//! * There are never more connections than [`CONNECTIONS_MAX`], nor from one address more than
//!   [`ADDRESS_CONNECTIONS_MAX`], counted before a byte is read.
//! * A connection that does not shake hands in time, or whose peer is gone, ends.
//!
//! # Not here
//! What is said on a connection: that is for the doors.

mod link;
mod room;
mod slots;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

pub(crate) use link::{Ended, Link, begins_otherwise, close};
pub(crate) use room::{BYTES_MAX as HELD_BYTES_MAX, Held, Room};
use slots::Slots;

use crate::DoorError;
use crate::tls::Tls;

/// The most connections of one listener at once.
pub const CONNECTIONS_MAX: usize = 1_024;

/// The most connections from one address, so that nobody takes all of them. The loopback address is
/// not counted: what connects from there may be a proxy that brings everybody.
pub const ADDRESS_CONNECTIONS_MAX: usize = 64;

/// How long the handshake of TLS may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How long to wait when connections cannot be accepted, because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// After how long without a byte the kernel asks whether the peer is still there.
#[cfg(target_os = "linux")]
const PROBE_AFTER: Duration = Duration::from_mins(1);

/// How long the peer may leave what we sent, or such a question, unanswered, in milliseconds.
#[cfg(target_os = "linux")]
const UNANSWERED_MS_MAX: u32 = 60_000;

/// A connection, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that was accepted.
pub(crate) struct Connection {
    pub(crate) stream: Box<dyn Stream>,
    /// Who connected.
    pub(crate) peer: SocketAddr,
    /// Cancelled when it should end.
    pub(crate) shutdown: CancellationToken,
}

/// A socket that listens, and how connections are taken from it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    name: &'static str,
    tls: Option<Tls>,
    slots: Arc<Slots>,
}

impl Listener {
    /// Listens on `address`; `name` is what the door is called in messages.
    pub async fn bind(name: &'static str, address: SocketAddr, tls: Option<Tls>) -> Result<Self, DoorError> {
        let socket = TcpListener::bind(address)
            .await
            .map_err(|source| DoorError::Listen { name, address, source })?;
        Ok(Self {
            socket,
            name,
            tls,
            slots: Slots::new(CONNECTIONS_MAX, ADDRESS_CONNECTIONS_MAX),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    #[cfg(test)]
    pub(crate) fn with_limits(self, connections_max: usize, of_address_max: usize) -> Self {
        Self {
            slots: Slots::new(connections_max, of_address_max),
            ..self
        }
    }

    /// Gives every connection to `serve` until `shutdown`, and returns when all have ended.
    pub(crate) async fn run<S, F>(self, shutdown: CancellationToken, serve: S)
    where
        S: Fn(Connection) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let connections = TaskTracker::new();
        while let Some((socket, peer)) = self.accept(&shutdown).await {
            let Some(slot) = self.slots.take(peer.ip()) else {
                warn!(%peer, door = self.name, "refused a connection: there are too many");
                continue;
            };
            let (begun, serve) = (begin(socket, peer, self.tls.clone(), shutdown.clone()), serve.clone());
            let name = self.name;
            connections.spawn(async move {
                match begun.await {
                    Ok(connection) => serve(connection).await,
                    Err(error) => info!(%peer, door = name, %error, "a connection ended before it began"),
                }
                drop(slot);
            });
        }
        connections.close();
        connections.wait().await;
    }

    /// The next connection; `None` after a shutdown.
    async fn accept(&self, shutdown: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                // An IPv4 address that was mapped to IPv6 is one of IPv4 again.
                Ok((socket, peer)) => return Some((socket, SocketAddr::new(peer.ip().to_canonical(), peer.port()))),
                Err(error) => {
                    warn!(door = self.name, %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Makes a connection of a socket.
async fn begin(
    socket: TcpStream,
    peer: SocketAddr,
    tls: Option<Tls>,
    shutdown: CancellationToken,
) -> io::Result<Connection> {
    if let Err(error) = watch_peer(&socket) {
        debug!(%peer, %error, "the kernel does not look after a connection");
    }
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(socket),
        Some(tls) => {
            let shaken = tokio::time::timeout(HANDSHAKE_MAX, tls.acceptor().accept(socket));
            let shaken = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Err(ended("the program is ending")),
                shaken = shaken => shaken,
            };
            Box::new(shaken.map_err(|_| ended("the handshake took too long"))??)
        }
    };
    Ok(Connection { stream, peer, shutdown })
}

fn ended(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, reason)
}

/// Lets the kernel end a connection whose peer is gone, or never reads what it is sent. Senders of
/// logs may be silent for days, so that silence alone says nothing.
fn watch_peer(socket: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    #[cfg(target_os = "linux")]
    {
        sockopt::set_tcp_keepidle(socket, PROBE_AFTER)?;
        sockopt::set_tcp_user_timeout(socket, UNANSWERED_MS_MAX)?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
