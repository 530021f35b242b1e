//! The door for files that others write: followed as they grow, through their rotations.
//!
//! # Invariants
//! * A line is taken when it is complete, and its position is durable in the same frame: after a
//!   crash the next line is read, none twice.
//! * A file is known by its device, its inode and how it begins, not by its name.
//! * While the spool is full, nothing is read.
//!
//! # Not here
//! Compressed files. A file that is cut to nothing while it is copied (`copytruncate`) may lose what
//! was written in between: its writer gives no way to know.

mod identity;
mod pattern;
mod tail;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Clock, Origin};
use sekisho_pipeline::Records;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::door::{append_patiently, log_name};
use crate::{Counters, DoorError, Spool};
use pattern::Pattern;
use tail::{Piece, Tail};

/// How often files are looked at.
const POLL: Duration = Duration::from_millis(500);

/// The most files that one pattern follows; each holds a descriptor.
pub const FILES_MAX: usize = 1_024;

/// What is followed.
#[derive(Clone, Debug)]
pub struct FileSettings {
    /// The file; its last part may have a `*`, which stands for anything.
    pub path: PathBuf,
    /// Its parser id, or `auto`.
    pub source: Arc<str>,
    /// Whose records they are.
    pub tenant: Arc<str>,
    /// Whether it holds old records, which are judged as if they were new.
    pub backfill: bool,
}

/// Follows files.
#[derive(Debug)]
pub struct FileFollower {
    settings: FileSettings,
    pattern: Pattern,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    /// What is read, by its identity on the disk.
    tails: BTreeMap<(u64, u64), Tail>,
    /// Whether the next look is the first.
    is_first: bool,
    /// Whether it was said that there are too many files.
    told: bool,
}

impl FileFollower {
    /// A follower of the files of `settings`; nothing is opened yet.
    pub fn new(settings: FileSettings, clock: Arc<dyn Clock>, counters: Arc<Counters>) -> Self {
        let pattern = Pattern::new(&settings.path);
        Self {
            settings,
            pattern,
            clock,
            counters,
            tails: BTreeMap::new(),
            is_first: true,
            told: false,
        }
    }

    /// Follows until `shutdown`; what was read then is durable when it returns.
    pub async fn run(mut self, spool: Spool, shutdown: CancellationToken) -> Result<(), DoorError> {
        loop {
            self = self.look(&spool, &shutdown).await?;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Finds the files, and takes what they have.
    async fn look(self, spool: &Spool, shutdown: &CancellationToken) -> Result<Self, DoorError> {
        let positions = spool.clone();
        let mut follower = blocking(move || {
            let mut follower = self;
            follower.find(&positions);
            follower
        })
        .await?;
        // What lost its name is older than what has it now.
        let mut tails: Vec<_> = std::mem::take(&mut follower.tails).into_iter().collect();
        tails.sort_by_key(|(_, tail)| tail.is_named);
        for (key, tail) in tails {
            let tail = follower.take(tail, spool, shutdown).await?;
            if !tail.is_finished() {
                follower.tails.insert(key, tail);
            }
        }
        Ok(follower)
    }

    /// Takes all that a file has.
    async fn take(&self, mut tail: Tail, spool: &Spool, shutdown: &CancellationToken) -> Result<Tail, DoorError> {
        while !shutdown.is_cancelled() {
            let (read, piece) = blocking(move || {
                let piece = tail.read();
                (tail, piece)
            })
            .await?;
            tail = read;
            let Some(piece) = piece else { break };
            if !self.append(spool, &tail.path, &piece, shutdown).await? {
                break;
            }
            tail.advance(&piece);
        }
        Ok(tail)
    }

    /// Whether it was taken; if not, the program ends.
    async fn append(
        &self,
        spool: &Spool,
        path: &Path,
        piece: &Piece,
        shutdown: &CancellationToken,
    ) -> Result<bool, DoorError> {
        let count = piece.records.len();
        let origin = Origin {
            tenant: Arc::clone(&self.settings.tenant),
            source: Arc::clone(&self.settings.source),
            label: Arc::from(format!("file:{}#{}", path.display(), piece.begin)),
            log: log_name(),
            backfill: self.settings.backfill,
        };
        let records = Records {
            origin,
            cursor: Some(Arc::from(piece.cursor.as_str())),
            records: piece.records.clone(),
        };
        let Some(appended) = append_patiently(spool, records, &*self.clock, shutdown).await? else {
            return Ok(false);
        };
        self.counters.receive(&self.settings.source, count);
        self.counters.accept(&self.settings.source, count, appended.repeated);
        Ok(true)
    }

    /// Begins to follow files that are new, and notices which ones lost their name.
    fn find(&mut self, spool: &Spool) {
        let found = self.pattern.files();
        for tail in self.tails.values_mut() {
            tail.is_named = false;
        }
        for path in found {
            self.follow(&path, spool, true);
        }
        if std::mem::take(&mut self.is_first) {
            // Files that were renamed while nobody looked still hold what was not read.
            for path in self.pattern.rotated() {
                self.follow(&path, spool, false);
            }
        }
    }

    fn follow(&mut self, path: &Path, spool: &Spool, is_named: bool) {
        let Ok(key) = identity::key(path) else { return };
        if let Some(tail) = self.tails.get_mut(&key) {
            tail.is_named |= is_named;
            return;
        }
        if FILES_MAX <= self.tails.len() {
            if !std::mem::replace(&mut self.told, true) {
                warn!(pattern = %self.settings.path.display(), "more than {FILES_MAX} files; the rest is not followed");
            }
            return;
        }
        let saved = spool.position(&identity::cursor_key(key));
        match Tail::open(path.to_owned(), key, saved.as_deref()) {
            // A renamed file counts only if it was followed before it was renamed.
            Ok(tail) if !is_named && !tail.is_known => {}
            Ok(mut tail) => {
                info!(file = %path.display(), position = tail.position(), "follows a file");
                tail.is_named = is_named;
                self.tails.insert(key, tail);
            }
            Err(error) => warn!(file = %path.display(), %error, "cannot follow a file"),
        }
    }
}

/// The file system may be slow; nothing else has to wait for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DoorError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| DoorError::Socket {
            step: "read a followed file",
            source: std::io::Error::other(error),
        })
}

#[cfg(test)]
mod tests;
