//! Reading the stored events again, to learn from them what was forgotten.

use std::path::Path;

use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use sekisho_model::{EventBatch, Time};

use crate::StoreError;
use crate::sql::session;
use crate::tables::{EVENTS, from_stored, load};

/// The events that happened at `since` or after, in the order of their time, in the normal form.
///
/// Columns that are not stored are null, except `log` and `offset`, which count what is read.
pub async fn events_since(
    dir: &Path,
    since: Time,
) -> Result<impl Stream<Item = Result<EventBatch, StoreError>> + Send + use<>, StoreError> {
    let stored = match load(dir, &EVENTS).await? {
        Some(_) => Some(
            query(dir, since)
                .await
                .map_err(|error| StoreError::Rebuild(error.into()))?,
        ),
        None => None,
    };
    let mut read = 0_i64;
    Ok(futures::stream::iter(stored).flatten().map(move |batch| {
        let batch = batch.map_err(|error| StoreError::Rebuild(error.into()))?;
        let events = from_stored(&batch, read).map_err(|error| StoreError::Rebuild(error.into()))?;
        read = read.saturating_add(i64::try_from(events.len()).unwrap_or(i64::MAX));
        Ok(events)
    }))
}

async fn query(dir: &Path, since: Time) -> Result<SendableRecordBatchStream, crate::sql::SqlError> {
    let context = session(dir, sekisho_model::batch::BATCH_ROWS_MAX).await?;
    // The date lets whole partitions be skipped.
    let text = format!(
        "SELECT * FROM events WHERE date >= DATE '{}' AND time >= TIMESTAMP '{since}' ORDER BY time",
        since.to_jiff().strftime("%Y-%m-%d")
    );
    Ok(context.sql(&text).await?.execute_stream().await?)
}
