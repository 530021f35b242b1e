//! What tests of all doors need.

use sekisho_pipeline::{Frame, FrameBody, Log, Records};

use crate::Spool;

/// All frames from `from` on; waits for none.
pub(crate) async fn frames(spool: &Spool, from: i64) -> Vec<Frame> {
    let mut reader = spool.reader();
    let mut frames: Vec<Frame> = Vec::new();
    let mut from = from;
    while from < spool.status().end {
        frames.extend(reader.read(from, 3).await.unwrap());
        from = frames.last().unwrap().end();
    }
    frames
}

/// The records of all frames that have some.
pub(crate) async fn stored(spool: &Spool) -> Vec<Records> {
    let records = |frame: Frame| match frame.body {
        FrameBody::Records(records) => Some(records),
        FrameBody::Tick | FrameBody::Context(_) => None,
    };
    frames(spool, 0).await.into_iter().filter_map(records).collect()
}
