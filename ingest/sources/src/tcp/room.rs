//! Memory that the connections of one door share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Ended;
use crate::packing::{Packing, UnpackError};

/// The most bytes that wait in the connections of one door for the rest of their frame, packed or
/// unpacked. What is made of them takes up to twice as much again.
pub(crate) const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is not counted of each, so that nobody who sends little waits for those who send much: 64 MiB
/// for all connections that a door may have.
const FREE_BYTES: usize = 64 * 1024;

/// How many frames are unpacked at once: as many as keep two cores busy. Each may take 32 MiB before
/// it is known how much it takes.
const UNPACKING_MAX: usize = 2;

/// How long a connection waits for memory before it is closed. Its peer sends again later.
const ROOM_WAIT: Duration = Duration::from_secs(10);

/// The memory of one door.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    bytes: Arc<Semaphore>,
    unpacking: Arc<Semaphore>,
}

/// What one connection holds of it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    room: Room,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(BYTES_MAX)),
            unpacking: Arc::new(Semaphore::new(UNPACKING_MAX)),
        }
    }

    pub(crate) fn hold(&self) -> Held {
        Held {
            room: self.clone(),
            permit: None,
        }
    }

    /// Unpacks `packed`, beside the threads that serve connections.
    pub(crate) async fn unpack(&self, packing: Packing, packed: Vec<u8>) -> Result<(Vec<u8>, Held), Ended> {
        let Ok(_turn) = self.unpacking.acquire().await else {
            return Err(Ended::Shutdown);
        };
        let unpacked = tokio::task::spawn_blocking(move || packing.unpack(&packed));
        let unpacked: Result<Vec<u8>, UnpackError> = unpacked.await.map_err(|_| Ended::Shutdown)?;
        let unpacked = unpacked.map_err(|error| Ended::Protocol(error.to_string()))?;
        let mut held = self.hold();
        held.resize(unpacked.len()).await?;
        Ok((unpacked, held))
    }
}

impl Held {
    /// Holds `bytes` from now on, waiting a little if that is more than before.
    pub(crate) async fn resize(&mut self, bytes: usize) -> Result<(), Ended> {
        let bytes = bytes.saturating_sub(FREE_BYTES);
        let before = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if bytes <= before {
            drop(self.permit.as_mut().and_then(|permit| permit.split(before - bytes)));
            return Ok(());
        }
        let more = u32::try_from(bytes - before).map_err(|_| Ended::Busy)?;
        let wait = Arc::clone(&self.room.bytes).acquire_many_owned(more);
        let Ok(Ok(more)) = timeout(ROOM_WAIT, wait).await else {
            return Err(Ended::Busy);
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_follows_what_is_needed() {
        let room = Room::new();
        let mut held = room.hold();
        for bytes in [10, 1_000, 7, 7, 0, 300] {
            held.resize(FREE_BYTES + bytes).await.unwrap();
            assert_eq!(room.bytes.available_permits(), BYTES_MAX - bytes);
        }
        drop(held);
        assert_eq!(room.bytes.available_permits(), BYTES_MAX);
    }

    #[tokio::test]
    async fn whoever_needs_little_does_not_wait() {
        let room = Room::new();
        let mut large = room.hold();
        large.resize(FREE_BYTES + BYTES_MAX).await.unwrap();

        let small = timeout(ROOM_WAIT / 2, async {
            room.hold().resize(FREE_BYTES).await.unwrap();
            room.unpack(Packing::Zstd, zstd::encode_all(b"{}".as_slice(), 1).unwrap())
                .await
                .unwrap()
        });
        assert_eq!(small.await.unwrap().0, b"{}");
    }
}
