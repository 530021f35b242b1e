//! Any history of a spool, against a plain list of frames.

use std::collections::HashMap;

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::*;

/// Small enough that some histories fill it.
const QUOTA_BYTES: u64 = 64 * 1024;

/// More than any frame of a history takes on disk.
const FRAME_BYTES: u64 = 8 * 1024;

/// Records of one append: the cursor, how many they are and of how many bytes.
type Group = (Option<String>, usize, usize);

#[derive(Clone, Debug)]
enum Step {
    /// Appends at once, each by a sender of its own.
    Append(Vec<Group>),
    Tick,
    Context(String),
    /// Reads from a place, or from where the last reading ended, about so many records.
    Read(Option<prop::sample::Index>, usize),
    Truncate(prop::sample::Index),
    Close,
    Drop,
}

fn any_step() -> impl Strategy<Value = Step> {
    let cursor = prop_oneof![
        Just(None),
        (0..3_u8, 0..100_u8).prop_map(|(file, place)| Some(format!("file:1:{file} {place}"))),
        (0..6_u8).prop_map(|body| Some(format!("http:{body}"))),
    ];
    let group = (cursor, 0_usize..5, 0_usize..900);
    prop_oneof![
        8 => prop::collection::vec(group, 1..7).prop_map(Step::Append),
        2 => Just(Step::Tick),
        1 => "[a-zあ-ん ]{0,12}".prop_map(Step::Context),
        4 => (any::<Option<prop::sample::Index>>(), 1_usize..20).prop_map(|(from, max)| Step::Read(from, max)),
        2 => any::<prop::sample::Index>().prop_map(Step::Truncate),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
    ]
}

/// The spool, and what it should be.
struct Model {
    folder: TempDir,
    spool: Spool,
    reader: SpoolReader,
    /// All frames there ever were.
    frames: Vec<Frame>,
    bodies: HashMap<Arc<str>, i64>,
    positions: HashMap<String, String>,
    /// Everything before it may be gone.
    truncated: i64,
    /// Where the last reading ended.
    read: i64,
    clock: i64,
}

impl Model {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = small(&folder, QUOTA_BYTES);
        Self {
            reader: spool.reader(),
            folder,
            spool,
            frames: Vec::new(),
            bodies: HashMap::new(),
            positions: HashMap::new(),
            truncated: 0,
            read: 0,
            clock: 0,
        }
    }

    fn end(&self) -> i64 {
        self.frames.last().map_or(0, Frame::end)
    }

    /// Another second for each append.
    fn now(&mut self) -> Time {
        self.clock += 1;
        Time::from_secs(1_790_000_000 + self.clock)
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Append(groups) => self.append(groups).await?,
            Step::Tick => {
                let observed = self.now();
                let first = self.spool.append_tick(observed).await.unwrap().first;
                self.take(vec![(first, observed, FrameBody::Tick)])?;
            }
            Step::Context(text) => {
                let observed = self.now();
                let first = self.spool.append_context(&text, observed).await.unwrap().first;
                self.take(vec![(first, observed, FrameBody::Context(Arc::from(text)))])?;
            }
            Step::Read(from, records_max) => self.read(from, records_max).await?,
            Step::Truncate(place) => {
                let left = usize::try_from(self.end() - self.truncated).unwrap();
                self.truncated += i64::try_from(place.index(left + 1)).unwrap();
                self.read = self.read.max(self.truncated);
                self.reader.truncate(self.truncated).await.unwrap();
            }
            Step::Close => {
                self.spool.close().await;
                let refused = self.spool.append_tick(NOW).await;
                prop_assert!(matches!(refused, Err(SpoolError::Closed)));
                self.open_again();
            }
            Step::Drop => self.open_again(),
        }
        prop_assert_eq!(self.spool.status().end, self.end());
        Ok(())
    }

    fn open_again(&mut self) {
        // The folder is free when nothing of the spool is left.
        let elsewhere = tempfile::tempdir().unwrap();
        self.spool = open(&elsewhere);
        self.reader = self.spool.reader();
        self.spool = small(&self.folder, QUOTA_BYTES);
        self.reader = self.spool.reader();
    }

    async fn append(&mut self, groups: Vec<Group>) -> Result<(), TestCaseError> {
        let mut senders = JoinSet::new();
        for (n, (cursor, count, bytes)) in groups.into_iter().enumerate() {
            let observed = self.now();
            let texts: Vec<Vec<u8>> = (0..count)
                .map(|place| format!("{} {n} {place} {}", self.clock, "x".repeat(bytes)).into_bytes())
                .collect();
            let mut group = records(cursor.as_deref(), &[]);
            group.origin.label = Arc::from(format!("sender {n}"));
            group.origin.backfill = n % 2 == 1;
            group.records = texts;
            let spool = self.spool.clone();
            senders.spawn(async move { (spool.append(group.clone(), observed).await, observed, group) });
        }
        let mut taken = Vec::new();
        let mut repeated = Vec::new();
        for (appended, observed, group) in senders.join_all().await {
            match appended {
                Ok(Appended { first, repeated: false }) => taken.push((first, observed, FrameBody::Records(group))),
                Ok(Appended { first, repeated: true }) => repeated.push((first, group.cursor.unwrap())),
                Err(SpoolError::Full) => prop_assert!(QUOTA_BYTES < self.spool.status().bytes + FRAME_BYTES),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
        taken.sort_by_key(|(first, ..)| *first);
        self.take(taken)?;
        for (first, cursor) in repeated {
            prop_assert_eq!(self.bodies.get(&cursor), Some(&first));
        }
        Ok(())
    }

    /// Frames that were acknowledged, in the order of their offsets.
    fn take(&mut self, taken: Vec<(i64, Time, FrameBody)>) -> Result<(), TestCaseError> {
        for (first, observed, body) in taken {
            prop_assert_eq!(first, self.end());
            if let FrameBody::Records(records) = &body
                && let Some(cursor) = &records.cursor
            {
                match cursor.split_once(' ') {
                    Some((key, place)) => drop(self.positions.insert(key.to_owned(), place.to_owned())),
                    None => prop_assert!(
                        self.bodies.insert(Arc::clone(cursor), first).is_none(),
                        "taken in twice"
                    ),
                }
            }
            self.frames.push(Frame { first, observed, body });
        }
        Ok(())
    }

    async fn read(&mut self, from: Option<prop::sample::Index>, records_max: usize) -> Result<(), TestCaseError> {
        let left = usize::try_from(self.end() - self.truncated).unwrap();
        let from = match from {
            Some(place) => self.truncated + i64::try_from(place.index(left + 1)).unwrap(),
            None => self.read,
        };
        if self.end() <= from {
            return Ok(());
        }
        let mut expected = self.frames_from(from);
        let mut records = 0;
        let full = expected.iter().position(|frame| {
            records += usize::try_from(frame.end() - frame.first).unwrap();
            records_max <= records
        });
        expected.truncate(full.map_or(expected.len(), |last| last + 1));

        let frames = self.reader.read(from, records_max).await.unwrap();

        self.read = frames.last().map_or(from, Frame::end);
        prop_assert_eq!(frames, expected);
        Ok(())
    }

    /// The frames that end after `from`; of the first only what does.
    fn frames_from(&self, from: i64) -> Vec<Frame> {
        let mut frames: Vec<Frame> = self.frames.iter().filter(|frame| from < frame.end()).cloned().collect();
        if let Some(Frame {
            first,
            body: FrameBody::Records(records),
            ..
        }) = frames.first_mut()
            && *first < from
        {
            records.records.drain(..usize::try_from(from - *first).unwrap());
            *first = from;
        }
        frames
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_is_read_back(steps in prop::collection::vec(any_step(), 1..40)) {
        let runtime = runtime();
        let mut model = Model::new();
        for step in steps {
            runtime.block_on(model.step(step))?;
        }
        model.open_again();

        let read = runtime.block_on(frames(&model.spool, model.truncated));
        prop_assert_eq!(read, model.frames_from(model.truncated));
        let all = runtime.block_on(frames(&model.spool, 0));
        prop_assert!(model.frames.ends_with(&all));
        for (key, place) in &model.positions {
            let position = model.spool.position(key);
            prop_assert_eq!(position.as_deref(), Some(place.as_str()));
        }
    }
}
