//! What all doors do with a request: authorise, read, unpack, sort, append.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_model::ids;
use sekisho_pipeline::Records;
use tracing::debug;

use super::answer::Refusal;
use super::body::{self, Held, Room};
use super::call::Call;
use super::decompress::{self, packing_of};
use super::sorter::Sorter;
use super::{HttpDoor, RECORD_OVERHEAD_BYTES};
use crate::SpoolError;
use crate::packing::Packing;

/// The door, with what its requests share.
#[derive(Clone, Debug)]
pub(super) struct Intake {
    pub(super) door: HttpDoor,
    pub(super) room: Room,
    acks: Arc<AtomicU64>,
}

/// A body that is durable.
#[derive(Debug)]
pub(super) struct Taken<T> {
    /// How many records it had.
    pub(super) accepted: usize,
    /// What its reader has to tell the sender.
    pub(super) told: T,
}

/// A body that was sorted, and has to be appended.
#[derive(Debug)]
struct Sorted<T> {
    groups: Vec<Records>,
    accepted: usize,
    declined: usize,
    told: T,
}

impl Intake {
    pub(super) fn new(door: HttpDoor) -> Self {
        // Ids of before a restart may still be asked for, so they begin where none was.
        let acks = u64::try_from(door.clock.now().0).unwrap_or_default();
        Self {
            door,
            room: Room::new(),
            acks: Arc::new(AtomicU64::new(acks)),
        }
    }

    /// An id under which a sender may ask whether its records are durable.
    pub(super) fn next_ack(&self) -> u64 {
        self.acks.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes in a body whose records `read` finds; all of them are durable when this returns.
    pub(super) async fn take_in<T: Send + 'static>(
        &self,
        call: Call,
        named: Option<&str>,
        read: impl FnOnce(&[u8], &mut Sorter) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Taken<T>, Refusal> {
        let path = call.path.clone();
        let mut held = self.room.hold();
        let taken = match self.sort(call, named, read, &mut held).await {
            Ok(sorted) => to_its_end(append(self.door.clone(), sorted)).await,
            Err(refusal) => {
                self.door.counters.refuse_unread(refusal.reason());
                Err(refusal)
            }
        };
        taken.inspect_err(|refusal| debug!(path, ?refusal, "refused a request"))
    }

    /// Who sends, and where to: before anything of the body is read.
    pub(super) fn admit(&self, call: &Call, named: Option<&str>) -> Result<Sorter, Refusal> {
        if self.door.shutdown.is_cancelled() {
            return Err(Refusal::Unavailable("the program is ending"));
        }
        let secret = call.secret()?;
        let sender = self.door.tokens.borrow().check(secret.as_deref());
        let sender = sender.ok_or(if secret.is_some() {
            Refusal::UnknownToken
        } else {
            Refusal::NoToken
        })?;
        let named = named.or_else(|| call.parameter("source"));
        Sorter::new(sender, Arc::clone(&self.door.sources), named)
    }

    async fn sort<T: Send + 'static>(
        &self,
        call: Call,
        named: Option<&str>,
        read: impl FnOnce(&[u8], &mut Sorter) -> Result<T, Refusal> + Send + 'static,
        held: &mut Held,
    ) -> Result<Sorted<T>, Refusal> {
        let mut sorter = self.admit(&call, named)?;
        let key = call.idempotency_key().map(<[u8]>::to_vec);
        let encoding = call.content_encoding().map(<[u8]>::to_vec);
        let Call {
            path, body, packing, ..
        } = call;
        let body = body::read(body, held).await?;
        let packing = match packing {
            Some(packing) => Some(packing),
            None => packing_of(encoding.as_deref(), &body)?,
        };
        let body = match packing {
            Some(packing) => unpack(packing, body, held).await?,
            None => body,
        };
        let unpacked = body.len();
        let sort = move || {
            let told = read(&body, &mut sorter)?;
            let (accepted, declined, bytes) = (sorter.records(), sorter.declined(), sorter.bytes());
            let groups = sorter.take(&identity(&path, key.as_deref(), &body));
            let sorted = Sorted {
                groups,
                accepted,
                declined,
                told,
            };
            Ok((sorted, bytes))
        };
        let (sorted, bytes) = blocking(sort).await??;
        let beside = sorted.accepted.saturating_mul(RECORD_OVERHEAD_BYTES);
        held.more(beside.saturating_add(bytes.saturating_sub(unpacked))).await?;
        Ok(sorted)
    }
}

/// Appends, with one wait for all groups. If one fails, the sender comes again with all, and those
/// that are durable are known then.
async fn append<T>(door: HttpDoor, sorted: Sorted<T>) -> Result<Taken<T>, Refusal> {
    let counters = &door.counters;
    for _ in 0..sorted.declined {
        counters.refuse_unread("declined");
    }
    let counts: Vec<(Arc<str>, usize)> = sorted.groups.iter().map(size).collect();
    for (source, count) in &counts {
        counters.receive(source, *count);
    }
    let appended = door.spool.append_all(sorted.groups, door.clock.now()).await;
    let mut refusal = None;
    for ((source, count), appended) in counts.into_iter().zip(appended) {
        match appended {
            Ok(appended) => counters.accept(&source, count, appended.repeated),
            Err(error) => {
                let why = refused(&error);
                counters.refuse(why.reason(), count);
                refusal.get_or_insert(why);
            }
        }
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Taken {
            accepted: sorted.accepted,
            told: sorted.told,
        }),
    }
}

fn size(group: &Records) -> (Arc<str>, usize) {
    (Arc::clone(&group.origin.source), group.records.len())
}

/// Work that goes on although its sender goes away: what is being written may be durable, and then it counts.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or(Err(Refusal::Unavailable("the program is ending")))
}

async fn unpack(packing: Packing, body: Vec<u8>, held: &mut Held) -> Result<Vec<u8>, Refusal> {
    let wire = body.len();
    let body = blocking(move || decompress::unpack(packing, &body)).await??;
    held.more(body.len().saturating_sub(wire)).await?;
    Ok(body)
}

/// Work that takes long on a large body, beside the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Refusal::Unavailable("the program is ending"))
}

/// What is remembered of a body, so that it is not taken in twice.
fn identity(path: &str, key: Option<&[u8]>, body: &[u8]) -> String {
    match key {
        Some(key) => ids::content_id(&[b"key", path.as_bytes(), key]),
        None => ids::content_id(&[b"body", path.as_bytes(), body]),
    }
}

/// What a sender is told when the spool did not take something.
pub(super) fn refused(error: &SpoolError) -> Refusal {
    match error {
        SpoolError::Full => Refusal::Full,
        SpoolError::TooLarge { .. } => Refusal::TooLarge(error.to_string()),
        _ => Refusal::Unavailable("nothing can be written at the moment"),
    }
}
