//! `POST /upload`: systemd's journal, as `systemd-journal-upload` sends it.
//!
//! Its body is as long as the journal, so it is not read to its end first: what came becomes durable in
//! parts, and the end is answered when the last of them is. Whoever is not told so begins again after the
//! entry that was acknowledged last. While the spool is full, nothing is read.

mod entries;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use sekisho_pipeline::Records;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::door::append_patiently;
use crate::http::answer::{Refusal, typed_response};
use crate::http::body;
use crate::http::call::Call;
use crate::http::intake::{Intake, refused, to_its_end};
use crate::http::sorter::{Hint, Sorter};
use entries::Entries;

/// From this size on, what came is made durable, in bytes.
const PART_BYTES: usize = 1024 * 1024;

/// What one upload may hold in memory: an entry, a part, and what one read brings beyond it.
const HELD_BYTES: usize = 2 * PART_BYTES;

/// After this time, what came is made durable even if it is little.
const PART_TIME: Duration = Duration::from_secs(2);

/// How long a sender may be silent. It reads its journal, which is never slow for so long.
const SILENCE_MAX: Duration = Duration::from_mins(1);

const TEXT: &str = "text/plain; charset=utf-8";

pub(super) fn routes() -> Router<Intake> {
    Router::new().route("/upload", post(upload))
}

async fn upload(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let call = Call::from(request);
    let path = call.path.clone();
    let taken = if call.content_encoding().is_some() {
        // Newer versions can pack; then the body is read whole, like any other.
        intake.take_in(call, None, read_whole).await.map(|_| ())
    } else {
        let taken = take_in_parts(&intake, call).await;
        taken.inspect_err(|refusal| {
            intake.door.counters.refuse_unread(refusal.reason());
            debug!(path, ?refusal, "refused a request");
        })
    };
    match taken {
        Ok(()) => typed_response(StatusCode::ACCEPTED, TEXT, "OK.\n"),
        Err(refusal) => refusal.told_in(typed_response(refusal.status(), TEXT, refusal.text() + "\n")),
    }
}

fn read_whole(body: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let mut entries = Entries::default();
    let mut push = |entry: &[u8]| sorter.push(Hint::NONE, entry);
    entries.read(body, &mut push)?;
    entries.finish(&mut push)
}

async fn take_in_parts(intake: &Intake, call: Call) -> Result<(), Refusal> {
    let mut sorter = intake.admit(&call, None)?;
    let mut held = intake.room.hold();
    held.more(HELD_BYTES).await?;
    let mut entries = Entries::default();
    let mut body = call.body;
    let ended = read_parts(intake, &mut body, &mut entries, &mut sorter).await;
    if ended.is_ok() {
        entries.finish(&mut |entry: &[u8]| sorter.push(Hint::NONE, entry))?;
    }
    // What is complete is kept, however the body ended.
    flush(intake, &mut sorter).await?;
    ended
}

/// Reads to the end of the body, and appends on the way.
async fn read_parts(
    intake: &Intake,
    body: &mut Body,
    entries: &mut Entries,
    sorter: &mut Sorter,
) -> Result<(), Refusal> {
    let mut heard = Instant::now();
    loop {
        let due = Instant::now() + PART_TIME;
        while sorter.bytes() < PART_BYTES {
            let read = tokio::select! {
                biased;
                () = intake.door.shutdown.cancelled() => {
                    return Err(Refusal::Unavailable("the program is ending"));
                }
                read = timeout_at(due, body::next(body)) => read,
            };
            let Ok(chunk) = read else { break };
            let Some(chunk) = chunk? else { return Ok(()) };
            entries.read(&chunk, &mut |entry: &[u8]| sorter.push(Hint::NONE, entry))?;
            heard = Instant::now();
        }
        flush(intake, sorter).await?;
        if SILENCE_MAX < heard.elapsed() {
            return Err(Refusal::TooSlow);
        }
    }
}

/// Makes durable what came so far.
async fn flush(intake: &Intake, sorter: &mut Sorter) -> Result<(), Refusal> {
    for group in sorter.take_by_contents() {
        append(intake, group).await?;
    }
    Ok(())
}

/// A sender that goes away does not end an append: what is being written may be durable, and then it counts. Only the
/// wait for room ends with the sender.
async fn append(intake: &Intake, group: Records) -> Result<(), Refusal> {
    let stop = intake.door.shutdown.child_token();
    let _gone = stop.clone().drop_guard();
    let door = intake.door.clone();
    to_its_end(async move {
        let (source, count) = (Arc::clone(&group.origin.source), group.records.len());
        door.counters.receive(&source, count);
        let appended = append_patiently(&door.spool, group, &*door.clock, &stop).await;
        let refusal = match appended {
            Ok(Some(appended)) => {
                door.counters.accept(&source, count, appended.repeated);
                return Ok(());
            }
            Ok(None) => Refusal::Unavailable("the program is ending"),
            Err(error) => refused(&error),
        };
        door.counters.refuse(refusal.reason(), count);
        Err(refusal)
    })
    .await
}
