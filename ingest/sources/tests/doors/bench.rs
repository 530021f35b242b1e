//! A door with a spool behind it.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use sekisho_model::{Origin, Time};
use sekisho_pipeline::{Frame, FrameBody, Log, Records};
use sekisho_sources::{Counters, HttpDoor, KnownSource, Spool, SpoolError, SpoolSettings, Token, Tokens, router};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// When everything happens.
pub(crate) const NOW: Time = Time::from_secs(1_790_000_000);

/// The secrets, and what they are for.
const TOKENS: [(&str, Option<&[&str]>); 4] = [
    ("any-s3cret", None),
    ("ssh-s3cret", Some(&["linux.sshd"])),
    ("two-s3cret", Some(&["linux.sshd", "okta.system"])),
    ("auto-s3cret", Some(&["auto"])),
];

const SOURCES: [&str; 4] = ["auto", "linux.sshd", "okta.system", "web.combined"];

/// What the door is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Open to those who have a token.
    #[default]
    Guarded,
    /// Open to all.
    Open,
    /// The spool is full.
    Full,
    /// The program ends.
    Ending,
}

pub(crate) struct Bench {
    _folder: TempDir,
    _tokens: watch::Sender<Arc<Tokens>>,
    pub(crate) door: HttpDoor,
    /// Where what was there before ends.
    begin: i64,
}

impl Bench {
    pub(crate) async fn new(state: State) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = open(folder.path().to_owned(), state).await;
        let tokens = TOKENS.into_iter().map(|(secret, sources)| Token {
            name: Arc::from(secret.trim_end_matches("-s3cret")),
            hash: Token::hash(secret),
            sources: sources.map(|sources| sources.iter().map(|source| Arc::from(*source)).collect()),
            tenant: Arc::from("acme"),
        });
        let tokens = if state == State::Open {
            Vec::new()
        } else {
            tokens.collect()
        };
        let anonymous = (state == State::Open).then(|| Arc::from("acme"));
        let (sender, receiver) = watch::channel(Arc::new(Tokens { tokens, anonymous }));
        let shutdown = CancellationToken::new();
        if state == State::Ending {
            shutdown.cancel();
        }
        let begin = spool.status().end;
        let sources = SOURCES.map(|id| KnownSource {
            id: Arc::from(id),
            backfill: false,
        });
        let door = HttpDoor {
            spool,
            clock: Arc::new(NOW),
            tokens: receiver,
            sources: Arc::from(sources),
            counters: Arc::new(Counters::default()),
            shutdown,
        };
        Self {
            _folder: folder,
            _tokens: sender,
            door,
            begin,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        router(self.door.clone()).oneshot(request).await.unwrap()
    }

    /// Source and bytes of each record that came through the door, sorted by source.
    pub(crate) async fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let mut groups = records(&self.door.spool, self.begin).await;
        groups.sort_by(|a, b| a.origin.source.cmp(&b.origin.source));
        let one_by_one = |group: Records| {
            let source = group.origin.source.to_string();
            group.records.into_iter().map(move |record| (source.clone(), record))
        };
        groups.into_iter().flat_map(one_by_one).collect()
    }
}

async fn open(folder: PathBuf, state: State) -> Spool {
    let quota_bytes = if state == State::Full { 32 * 1024 } else { 1 << 30 };
    let spool = Spool::open(SpoolSettings {
        quota_bytes,
        ..SpoolSettings::new(folder)
    })
    .unwrap();
    if state != State::Full {
        return spool;
    }
    // Small ones after the large ones, so that no request finds a gap.
    for bytes in [4_000, 16] {
        while let Ok(_) | Err(SpoolError::TooLarge { .. }) = spool.append(filler(bytes), NOW).await {}
    }
    spool
}

fn filler(bytes: usize) -> Records {
    Records {
        origin: Origin {
            tenant: Arc::from("acme"),
            source: Arc::from("auto"),
            label: Arc::from("filler"),
            log: Arc::from("spool"),
            backfill: false,
        },
        cursor: None,
        records: vec![vec![b'x'; bytes]],
    }
}

async fn records(spool: &Spool, begin: i64) -> Vec<Records> {
    let mut reader = spool.reader();
    let mut found = Vec::new();
    let mut from = begin;
    while from < spool.status().end {
        for frame in reader.read(from, 1_000).await.unwrap() {
            from = Frame::end(&frame);
            if let FrameBody::Records(records) = frame.body {
                found.push(records);
            }
        }
    }
    found
}
