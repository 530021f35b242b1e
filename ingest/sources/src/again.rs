//! The door for records that came before and are to be read again.
//!
//! # Invariants
//! * Requests are numbered and taken in order. The number is durable in the same frame as the record, so a request that
//!   is made again after a crash is known, and its record is taken exactly once.
//! * Each is settled before the next is taken, so only the last can come again. A number below it is of a list that began
//!   anew, as after `sekisho.sqlite` was restored from a copy: that is another record, and must not be lost.

use std::sync::Arc;

use sekisho_model::{Origin, Time};
use sekisho_pipeline::Records;

use crate::{Counters, Spool, SpoolError};

/// Under which name the spool keeps the number of the last request.
const CURSOR: &str = "again:rejects";

/// Takes records again.
#[derive(Clone, Debug)]
pub struct AgainDoor {
    /// Where records go.
    pub spool: Spool,
    /// What went through.
    pub counters: Arc<Counters>,
}

impl AgainDoor {
    /// Takes the record of a request, unless it was taken before; whether it was taken now.
    ///
    /// Requests come in the order of their numbers; after an error the same request comes again, before any other.
    pub async fn take(&self, number: i64, origin: Origin, observed: Time, record: Vec<u8>) -> Result<bool, SpoolError> {
        if number == self.last() {
            return Ok(false);
        }
        let source = Arc::clone(&origin.source);
        let records = Records {
            origin,
            cursor: Some(Arc::from(format!("{CURSOR} {number}"))),
            records: vec![record],
        };
        self.counters.receive(&source, 1);
        match self.spool.append(records, observed).await {
            Ok(appended) => {
                self.counters.accept(&source, 1, appended.repeated);
                Ok(true)
            }
            Err(error) => {
                self.counters.refuse("spool", 1);
                Err(error)
            }
        }
    }

    /// The number of the last request whose record is durable.
    fn last(&self) -> i64 {
        let position = self.spool.position(CURSOR);
        position.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::log_name;
    use crate::{SpoolSettings, testing};

    fn origin() -> Origin {
        Origin {
            tenant: Arc::from("default"),
            source: Arc::from("linux.sshd"),
            label: Arc::from("syslog-tcp:192.0.2.1"),
            log: log_name(),
            backfill: false,
        }
    }

    #[tokio::test]
    async fn a_request_is_taken_once_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let open = || AgainDoor {
            spool: Spool::open(SpoolSettings::new(folder.path())).unwrap(),
            counters: Arc::default(),
        };
        let door = open();
        let now = Time::from_secs(1);
        assert!(door.take(1, origin(), now, b"one".to_vec()).await.unwrap());
        assert!(!door.take(1, origin(), now, b"one".to_vec()).await.unwrap());
        assert!(door.take(3, origin(), now, b"three".to_vec()).await.unwrap());
        door.spool.close().await;
        drop(door);

        let door = open();
        assert!(!door.take(3, origin(), now, b"three".to_vec()).await.unwrap());
        assert!(door.take(4, origin(), now, b"four".to_vec()).await.unwrap());
        // The list of requests was restored from a copy, and numbers come anew.
        assert!(door.take(2, origin(), now, b"two".to_vec()).await.unwrap());
        assert!(!door.take(2, origin(), now, b"two".to_vec()).await.unwrap());
        let stored = testing::stored(&door.spool).await;
        let texts: Vec<_> = stored.iter().flat_map(|records| &records.records).collect();
        assert_eq!(texts, [b"one".as_slice(), b"three", b"four", b"two"]);
        assert_eq!(door.counters.get().accepted, 2);
    }
}
