//! How far a partition was taken, and what of it comes again.

use std::fmt;

use rdkafka::error::KafkaResult;
use rdkafka::message::Message;
use sekisho_model::ids;

/// How many hexadecimal digits of a hash tell one message from another.
const FINGERPRINT_DIGITS: usize = 16;

/// The high-water mark of a partition, as the cursor of a frame has it: `<next offset> <fingerprint>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The offset after the last message that was taken.
    pub(super) next: i64,
    /// What that message was. A topic that was deleted and made again counts from 0 again, and has
    /// another message there.
    pub(super) last: String,
}

impl Mark {
    /// `None` if this is no mark.
    pub(super) fn parse(position: &str) -> Option<Self> {
        let (next, last) = position.split_once(' ')?;
        Some(Self {
            next: next.parse().ok()?,
            last: last.to_owned(),
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.next, self.last)
    }
}

/// What a message is known by, beside its offset.
pub(super) fn fingerprint(message: &impl Message) -> String {
    let time = message.timestamp().to_millis().unwrap_or(-1).to_le_bytes();
    let key = message.key().unwrap_or_default();
    let value = message.payload().unwrap_or_default();
    let mut id = ids::content_id(&[b"kafka", &time, key, value]);
    id.truncate(FINGERPRINT_DIGITS);
    id
}

/// What a broker knows of a partition; asked for only when something is odd.
pub(super) trait Ask {
    /// The first offset that is kept, and the one after the last.
    fn bounds(&self) -> KafkaResult<(i64, i64)>;
    /// The position of the group, if it has one.
    fn committed(&self) -> KafkaResult<Option<i64>>;
}

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is new. So many before it were deleted by the broker before anybody of the group read them.
    Take { missed: i64 },
    /// It was taken before.
    Repeated,
    /// The partition is not the one that the mark was of: it begins anew, and is to be read from here.
    Restarted { from: i64 },
}

/// How far one assigned partition was taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    mark: Option<Mark>,
    /// Where messages below the mark began to come, while they come.
    repeating: Option<i64>,
    /// Whether the next message follows the one before it; not at first, and not after the broker had
    /// no message at our position.
    is_in_line: bool,
}

impl Progress {
    /// Goes on from `mark`.
    pub(super) fn new(mark: Option<Mark>) -> Self {
        Self {
            mark,
            ..Self::default()
        }
    }

    /// The next message may be anywhere.
    pub(super) fn lose_line(&mut self) {
        self.is_in_line = false;
    }

    /// Judges a message. After an error it is to be judged again; nothing is remembered of it.
    pub(super) fn judge(&mut self, offset: i64, fingerprint: &str, broker: &impl Ask) -> KafkaResult<Verdict> {
        let Some(mark) = &self.mark else {
            return Ok(Verdict::Take { missed: 0 });
        };
        if offset < mark.next {
            let began = match self.repeating {
                Some(began) if began < offset => began,
                // The log is shorter than what was taken of it.
                _ if broker.bounds()?.1 < mark.next => return Ok(self.restart(offset)),
                _ => offset,
            };
            self.repeating = Some(began);
            if offset + 1 < mark.next {
                return Ok(Verdict::Repeated);
            }
            if fingerprint != mark.last {
                return Ok(self.restart(began));
            }
            self.repeating = None;
            return Ok(Verdict::Repeated);
        }
        if let Some(began) = self.repeating {
            // The last message that was taken did not come again, so nothing tells that the ones before
            // it were the same. To take some twice is better than to lose some.
            return Ok(self.restart(began));
        }
        let missed = if self.is_in_line || offset == mark.next {
            0
        } else {
            let known = mark.next.max(broker.committed()?.unwrap_or(0));
            broker.bounds()?.0.min(offset).saturating_sub(known).max(0)
        };
        Ok(Verdict::Take { missed })
    }

    /// A message was taken.
    pub(super) fn take(&mut self, offset: i64, fingerprint: String) {
        self.is_in_line = true;
        self.mark = Some(Mark {
            next: offset.saturating_add(1),
            last: fingerprint,
        });
    }

    fn restart(&mut self, from: i64) -> Verdict {
        *self = Self::default();
        Verdict::Restarted { from }
    }

    /// The mark now.
    pub(super) fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::*;

    struct Broker {
        bounds: Option<(i64, i64)>,
        committed: Option<i64>,
    }

    impl Ask for Broker {
        fn bounds(&self) -> KafkaResult<(i64, i64)> {
            self.bounds
                .ok_or(KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut))
        }

        fn committed(&self) -> KafkaResult<Option<i64>> {
            Ok(self.committed)
        }
    }

    use Verdict::{Repeated, Restarted, Take};

    /// What it is about, mark, bounds of the log, position of the group, and messages in the order in which
    /// they come: offset, letter of the log it is of, what is to be done.
    type Case = (
        &'static str,
        &'static str,
        (i64, i64),
        Option<i64>,
        &'static [(i64, &'static str, Verdict)],
    );

    #[test]
    fn what_comes_again_is_known_and_what_only_looks_so_is_taken() {
        const NEW: Verdict = Take { missed: 0 };
        #[rustfmt::skip]
        let cases: &[Case] = &[
            ("no mark: everything is new", "", (0, 9), None, &[(0, "a", NEW), (1, "a", NEW), (4, "a", NEW)]),
            ("goes on where it was", "3 2a", (0, 9), Some(3), &[(3, "a", NEW), (4, "a", NEW)]),
            ("not committed", "3 2a", (0, 9), Some(1), &[(1, "a", Repeated), (2, "a", Repeated), (3, "a", NEW)]),
            ("all comes again, twice", "2 1a", (0, 9), None,
                &[(0, "a", Repeated), (1, "a", Repeated), (0, "a", Repeated), (1, "a", Repeated), (2, "a", NEW)]),
            ("made again, and shorter", "3 2a", (0, 2), None, &[(0, "b", Restarted { from: 0 }), (0, "b", NEW), (1, "b", NEW)]),
            ("made again, and longer", "3 2a", (0, 9), None,
                &[(0, "b", Repeated), (1, "b", Repeated), (2, "b", Restarted { from: 0 }), (0, "b", NEW), (1, "b", NEW)]),
            ("made again while it was read", "3 2a", (0, 9), Some(3),
                &[(3, "a", NEW), (0, "b", Repeated), (1, "b", Repeated), (2, "b", Repeated), (3, "b", Restarted { from: 0 }), (0, "b", NEW)]),
            ("the last one was compacted away", "3 2a", (0, 9), Some(1), &[(1, "a", Repeated), (3, "a", Restarted { from: 1 })]),
            ("another member went on", "3 2a", (0, 9), Some(7), &[(7, "a", NEW)]),
            ("a marker of a transaction between", "3 2a", (0, 9), Some(3), &[(4, "a", NEW), (7, "a", NEW)]),
            ("deleted before it was read", "3 2a", (8, 20), Some(3), &[(8, "a", Take { missed: 5 }), (9, "a", NEW)]),
            ("deleted after another member read it", "3 2a", (8, 20), Some(8), &[(8, "a", NEW)]),
        ];
        for (name, mark, bounds, committed, messages) in cases {
            let mut progress = Progress::new(Mark::parse(mark));
            let broker = Broker {
                bounds: Some(*bounds),
                committed: *committed,
            };
            for (offset, log, expected) in *messages {
                let fingerprint = format!("{offset}{log}");
                let verdict = progress.judge(*offset, &fingerprint, &broker).unwrap();
                assert_eq!(verdict, *expected, "{name}: {offset}");
                let is_taken = matches!(verdict, Take { .. });
                is_taken.then(|| progress.take(*offset, fingerprint));
            }
        }
    }

    #[test]
    fn a_broker_that_does_not_answer_is_asked_again() {
        let mut progress = Progress::new(Mark::parse("3 2a"));
        let silent = Broker {
            bounds: None,
            committed: None,
        };

        assert!(progress.judge(1, "1b", &silent).is_err());

        let answers = Broker {
            bounds: Some((0, 2)),
            committed: None,
        };
        assert_eq!(progress.judge(1, "1b", &answers).unwrap(), Restarted { from: 1 });
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark {
            next: 120,
            last: "00ff".to_owned(),
        };

        assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        for other in ["", "12", "x 00ff"] {
            assert_eq!(Mark::parse(other), None, "{other:?}");
        }
    }
}
