//! What all doors do alike.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::Clock;
use sekisho_pipeline::Records;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{Appended, Spool, SpoolError};

/// How long a source that can wait does so before it tries a full spool again.
const FULL_WAIT: Duration = Duration::from_millis(250);

/// The name of the spool in the `log` column.
pub(crate) const LOG: &str = "spool";

/// Why a door was closed from inside.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The spool takes nothing more.
    #[error("failed to append to the spool")]
    Spool(#[from] SpoolError),
    /// The address is taken, or not of this machine.
    #[error("failed to listen on {address} for {name}{}", hint(source))]
    Listen {
        /// What the door is called.
        name: &'static str,
        /// Where it should listen.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The socket could not be read.
    #[error("failed to {step}")]
    Socket {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What to do about an address that cannot be listened on.
fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            " (another program has it, perhaps another Sekisho; [listen] in the settings can name another)"
        }
        std::io::ErrorKind::PermissionDenied => " (ports below 1024 are for root, or CAP_NET_BIND_SERVICE)",
        _ => "",
    }
}

/// Appends, and waits while the spool is full, so that the source is not read on. `None` after a
/// shutdown: the records were not taken.
pub(crate) async fn append_patiently(
    spool: &Spool,
    records: Records,
    clock: &dyn Clock,
    shutdown: &CancellationToken,
) -> Result<Option<Appended>, SpoolError> {
    let mut told = false;
    loop {
        match spool.append(records.clone(), clock.now()).await {
            Ok(appended) => return Ok(Some(appended)),
            Err(SpoolError::Full) if !told => {
                warn!(
                    origin = &*records.origin.label,
                    "the spool is full; this source has to wait"
                );
                told = true;
            }
            Err(SpoolError::Full) => {}
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(FULL_WAIT) => {}
        }
    }
}

/// The name of the log, for an origin.
pub(crate) fn log_name() -> Arc<str> {
    Arc::from(LOG)
}
