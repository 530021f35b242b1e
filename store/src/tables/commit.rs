//! Making staged rows visible, once.

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use futures::TryStreamExt;
use tracing::{debug, warn};
use uuid::Uuid;

use super::schema::PARTITION;
use super::table::{Staged, Table};
use crate::StoreError;

/// Key under which a commit names itself, so that its author knows it again.
const COMMIT_KEY: &str = "sekisho.commit";

/// How many commits may have come after ours before we look whether it is there: other writers of the table are
/// compaction and replays, which do not commit faster than this.
const LOOK_BACK: usize = 64;

/// How often a commit is tried when somebody else changed the table meanwhile without writing for our log:
/// maintenance that drops old days, or a new column. Neither happens twice in a row.
const ATTEMPTS: usize = 3;

impl Table {
    /// Commits staged rows together with the new position of the table. Without rows there is no commit.
    pub(crate) async fn publish(&mut self, staged: Staged, position: i64) -> Result<(), StoreError> {
        if staged.rows == 0 || position <= self.base {
            return Ok(());
        }
        let name = Uuid::new_v4().to_string();
        let actions: Vec<_> = staged.files.into_iter().map(Action::Add).collect();
        let mut attempt = 1;
        while let Err(error) = self.try_commit(actions.clone(), &name, position).await {
            let conflict = is_conflict(&error);
            match self.resolve(&name, position).await? {
                Outcome::Committed => {
                    warn!(table = self.spec.name, position, %error, "a commit reported an error, but is in the table");
                    break;
                }
                Outcome::NotCommitted if conflict && attempt < ATTEMPTS => {
                    debug!(table = self.spec.name, position, %error, attempt, "the table changed meanwhile");
                    attempt += 1;
                }
                Outcome::NotCommitted => return Err(StoreError::table("commit to", self.spec.name)(error)),
            }
        }
        debug!(
            table = self.spec.name,
            rows = staged.rows,
            position,
            version = self.delta.version(),
            "committed"
        );
        self.base = position;
        Ok(())
    }

    /// Commits on top of the table as it is known, in which the position is the one that is known.
    async fn try_commit(&mut self, actions: Vec<Action>, name: &str, position: i64) -> Result<(), DeltaTableError> {
        let properties = CommitProperties::default()
            .with_application_transaction(Transaction::new(&self.app, position))
            .with_metadata([(COMMIT_KEY.to_owned(), name.into())])
            .with_cleanup_expired_logs(Some(false));
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![PARTITION.to_owned()]),
            predicate: None,
        };
        let commit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(self.delta.snapshot()?), self.delta.log_store(), operation)
            .await?;
        self.delta.state = Some(commit.snapshot());
        Ok(())
    }

    /// Finds out what became of a commit that failed: an error does not say that nothing was written.
    async fn resolve(&mut self, name: &str, position: i64) -> Result<Outcome, StoreError> {
        let table = self.spec.name;
        self.delta
            .update_state()
            .await
            .map_err(StoreError::table("read again", table))?;
        let found = self.position().await?;
        if found == self.base {
            return Ok(Outcome::NotCommitted);
        }
        if found == position && self.is_ours(name).await? {
            return Ok(Outcome::Committed);
        }
        Err(StoreError::AnotherWriter {
            table,
            expected: self.base,
            found,
        })
    }

    async fn is_ours(&self, name: &str) -> Result<bool, StoreError> {
        let infos: Vec<_> = self
            .delta
            .history(Some(LOOK_BACK))
            .try_collect()
            .await
            .map_err(StoreError::table("read the history of", self.spec.name))?;
        Ok(infos
            .iter()
            .any(|info| info.info.get(COMMIT_KEY).and_then(|value| value.as_str()) == Some(name)))
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Committed,
    NotCommitted,
}

fn is_conflict(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::Transaction {
            source: TransactionError::CommitConflict(_)
        }
    )
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use async_trait::async_trait;
    use deltalake_core::DeltaTableBuilder;
    use futures::stream::BoxStream;
    use object_store::path::Path;
    use object_store::{
        CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
        PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    };
    use sekisho_model::{Origin, Raw, Reject, Time};

    use super::*;
    use crate::durable::DurableLocalFs;
    use crate::tables::{REJECTS, reject_rows};

    /// A disk that may report an error instead of the truth for the next log entry.
    #[derive(Debug, Default)]
    struct Flaky {
        disk: DurableLocalFs,
        next: AtomicU8,
    }

    /// The entry is not written, and an error is reported.
    const FAILS: u8 = 1;
    /// The entry is written, and an error is reported all the same.
    const LIES: u8 = 2;

    impl fmt::Display for Flaky {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Flaky")
        }
    }

    #[async_trait]
    impl ObjectStore for Flaky {
        async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
            let next = if location.extension() == Some("json") {
                self.next.swap(0, Ordering::SeqCst)
            } else {
                0
            };
            if next != FAILS {
                let put = self.disk.put_opts(location, payload, options).await?;
                if next != LIES {
                    return Ok(put);
                }
            }
            Err(Error::Generic {
                store: "Flaky",
                source: "the answer was lost".into(),
            })
        }
        async fn put_multipart_opts(
            &self,
            location: &Path,
            options: PutMultipartOptions,
        ) -> Result<Box<dyn MultipartUpload>> {
            self.disk.put_multipart_opts(location, options).await
        }
        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            self.disk.get_opts(location, options).await
        }
        fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
            self.disk.delete_stream(locations)
        }
        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.disk.list(prefix)
        }
        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.disk.list_with_delimiter(prefix).await
        }
        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.disk.copy_opts(from, to, options).await
        }
    }

    /// The table of rejects on a flaky disk.
    async fn flaky(dir: &std::path::Path) -> (Table, Arc<Flaky>) {
        let mut table = Table::open(dir, &REJECTS, "sekisho/spool".into()).await.unwrap();
        let disk = Arc::new(Flaky::default());
        let url = table.delta.table_url().clone();
        let builder = DeltaTableBuilder::from_url(url.clone()).unwrap();
        let store = Arc::<Flaky>::clone(&disk);
        table.delta = builder.with_storage_backend(store, url).load().await.unwrap();
        (table, disk)
    }

    /// Commits one reject at `offset`.
    async fn commit(table: &mut Table, offset: i64) -> Result<(), StoreError> {
        let origin = Origin {
            tenant: "default".into(),
            source: "linux.sshd".into(),
            label: "test".into(),
            log: "spool".into(),
            backfill: false,
        };
        let raw = Raw {
            origin: &origin,
            offset,
            observed: Time::from_secs(offset),
            bytes: b"raw",
        };
        let rejects = [Reject::new(&raw, "linux.sshd", "test")];
        let rows = reject_rows(&rejects, table.span(offset + 1, None)).unwrap();
        let staged = table.stage(rows).await?;
        table.publish(staged, offset + 1).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_whose_answer_was_lost_is_found_and_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let (mut table, disk) = flaky(dir.path()).await;
        disk.next.store(LIES, Ordering::SeqCst);
        commit(&mut table, 0).await.unwrap();
        commit(&mut table, 1).await.unwrap();
        assert_eq!((table.base(), table.version()), (2, Some(2)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_that_was_not_written_is_an_error_and_may_be_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let (mut table, disk) = flaky(dir.path()).await;
        disk.next.store(FAILS, Ordering::SeqCst);
        let error = commit(&mut table, 0).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Table {
                    action: "commit to",
                    ..
                }
            ),
            "{error}"
        );
        commit(&mut table, 0).await.unwrap();
        assert_eq!((table.base(), table.version()), (1, Some(1)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_of_somebody_else_at_the_same_position_is_not_taken_for_ours() {
        let dir = tempfile::tempdir().unwrap();
        let (mut ours, _) = flaky(dir.path()).await;
        let (mut theirs, _) = flaky(dir.path()).await;
        commit(&mut theirs, 0).await.unwrap();
        let error = commit(&mut ours, 0).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::AnotherWriter {
                    expected: 0,
                    found: 1,
                    ..
                }
            ),
            "{error}"
        );
    }
}
