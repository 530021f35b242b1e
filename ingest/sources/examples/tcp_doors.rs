//! The doors on TCP by themselves, for trying real senders: `tcp_doors FOLDER`.
//!
//! The folder has `server.pem`, `server.key` and `ca.pem`; the spool is made in it. Prints where each
//! door listens as JSON, then every record that came, one a line.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sekisho_model::Time;
use sekisho_pipeline::{FrameBody, Log};
use sekisho_sources::http::KnownSource;
use sekisho_sources::{
    Forward, ForwardDoor, Lumberjack, LumberjackDoor, SharedKey, Spool, SpoolSettings, SyslogDoor, SyslogTcp, Tls,
    TlsSettings,
};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("expected a folder")?);
    let spool = Spool::open(SpoolSettings::new(folder.join("spool")))?;
    let settings = |client_ca| TlsSettings {
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
        client_ca,
    };
    let open = Tls::load(settings(None))?;
    let closed = Tls::load(settings(Some(folder.join("ca.pem"))))?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (clock, tenant): (_, Arc<str>) = (Arc::new(Time::from_secs(1_790_000_000)), Arc::from("default"));
    let source = KnownSource {
        id: Arc::from("auto"),
        backfill: false,
    };
    let syslog = SyslogDoor {
        spool: spool.clone(),
        clock: clock.clone(),
        tenant: Arc::clone(&tenant),
        classify: |_| "auto",
        counters: Arc::default(),
    };
    let lumberjack = LumberjackDoor {
        spool: spool.clone(),
        clock: clock.clone(),
        tenant: Arc::clone(&tenant),
        source: source.clone(),
        counters: Arc::default(),
    };
    let forward = |key: Option<&str>| ForwardDoor {
        spool: spool.clone(),
        clock: clock.clone(),
        tenant: Arc::clone(&tenant),
        sources: [source.clone()].into(),
        key: key.map(SharedKey::new),
        counters: Arc::default(),
    };

    let syslog_tls = SyslogTcp::bind_tls(any, syslog.clone(), open.clone()).await?;
    let syslog_mtls = SyslogTcp::bind_tls(any, syslog, closed.clone()).await?;
    let beats = Lumberjack::bind(any, lumberjack, Some(closed)).await?;
    let plain = Forward::bind(any, forward(None), None).await?;
    let keyed = Forward::bind(any, forward(Some("secret")), Some(open)).await?;
    println!(
        "{}",
        serde_json::json!({
            "syslog_tls": syslog_tls.address()?,
            "syslog_mtls": syslog_mtls.address()?,
            "lumberjack": beats.address()?,
            "forward": plain.address()?,
            "forward_tls": keyed.address()?,
        })
    );
    let stop = CancellationToken::new;
    tokio::spawn(syslog_tls.run(stop()));
    tokio::spawn(syslog_mtls.run(stop()));
    tokio::spawn(beats.run(stop()));
    tokio::spawn(plain.run(stop()));
    tokio::spawn(keyed.run(stop()));

    let (mut reader, mut from) = (spool.reader(), 0);
    loop {
        for frame in reader.read(from, 100).await? {
            from = frame.end();
            if let FrameBody::Records(records) = frame.body {
                for record in &records.records {
                    println!("{}\t{}", records.origin.label, String::from_utf8_lossy(record));
                }
            }
        }
    }
}
