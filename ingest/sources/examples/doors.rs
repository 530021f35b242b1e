//! The HTTP doors alone, for trying out a shipper without building the whole program:
//! `cargo run -p sekisho-sources --example doors -- 127.0.0.1:8600 TOKEN`.
//!
//! Prints each record that landed in the spool. The spool is removed at the end.
#![expect(clippy::print_stdout, reason = "what came in is to be seen")]

use std::error::Error;
use std::io::{Error as IoError, Write};
use std::path::Path;
use std::sync::Arc;

use sekisho_model::{Clock, Time};
use sekisho_pipeline::{Frame, FrameBody, Log};
use sekisho_sources::{HttpDoor, KnownSource, Spool, SpoolReader, SpoolSettings, Token, Tokens, router};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The sources that are known here, to see how records are sorted.
const SOURCES: [&str; 7] = [
    "auto",
    "entra.signin",
    "linux.sshd",
    "m365.audit",
    "mail.dovecot",
    "mail.postfix",
    "web.combined",
];

#[derive(Debug)]
struct Now;

impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "a program has to take the time from somewhere")]
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        Time(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(secret)) = (arguments.next(), arguments.next()) else {
        return Err("expected an address and a token".into());
    };
    let folder = tempfile::tempdir()?;
    let spool = Spool::open(SpoolSettings::new(folder.path()))?;
    let (_tokens, tokens) = watch::channel(Arc::new(one_token(&secret)));
    let door = HttpDoor {
        spool: spool.clone(),
        clock: Arc::new(Now),
        tokens,
        sources: SOURCES.map(known).into(),
        counters: Arc::default(),
        shutdown: CancellationToken::new(),
    };
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!(
        "listening at {}, spool in {}",
        listener.local_addr()?,
        Path::display(folder.path())
    );
    tokio::spawn(show(spool.reader()));
    axum::serve(listener, router(door)).await?;
    Ok(())
}

fn one_token(secret: &str) -> Tokens {
    let token = Token {
        name: Arc::from("example"),
        hash: Token::hash(secret),
        sources: None,
        tenant: Arc::from("default"),
    };
    Tokens {
        tokens: vec![token],
        anonymous: None,
    }
}

fn known(id: &str) -> KnownSource {
    KnownSource {
        id: Arc::from(id),
        backfill: false,
    }
}

/// Prints what is in the spool, and then what comes.
async fn show(mut reader: SpoolReader) -> Result<(), IoError> {
    let mut from = 0;
    loop {
        let frames = reader.read(from, 1_000).await.map_err(IoError::other)?;
        from = frames.last().map_or(from, Frame::end);
        let mut out = std::io::stdout().lock();
        for frame in frames {
            let FrameBody::Records(records) = frame.body else {
                continue;
            };
            for record in records.records {
                writeln!(out, "{} | {}", records.origin.source, String::from_utf8_lossy(&record))?;
            }
        }
    }
}
