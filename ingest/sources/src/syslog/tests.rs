use std::time::Duration;

use sekisho_model::Time;
use sekisho_pipeline::{Frame, FrameBody, Log, Records};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{Authority, connect_tls};
use crate::{Counted, DoorError, SpoolReader, SpoolSettings, Tls, testing};

const NOW: Time = Time::from_secs(1_790_000_000);

fn classify(message: &[u8]) -> &'static str {
    if message.windows(4).any(|word| word == b"sshd") {
        "linux.sshd"
    } else {
        "auto"
    }
}

struct Bench {
    _folder: TempDir,
    door: SyslogDoor,
    shutdown: CancellationToken,
}

fn bench(quota_bytes: u64) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(SpoolSettings {
        quota_bytes,
        ..SpoolSettings::new(folder.path())
    })
    .unwrap();
    let door = SyslogDoor {
        spool,
        clock: Arc::new(NOW),
        tenant: Arc::from("acme"),
        classify,
        counters: Arc::default(),
    };
    Bench {
        _folder: folder,
        door,
        shutdown: CancellationToken::new(),
    }
}

impl Bench {
    async fn tcp(&self) -> (TcpStream, JoinHandle<Result<(), DoorError>>) {
        let listener = SyslogTcp::bind("127.0.0.1:0".parse().unwrap(), self.door.clone())
            .await
            .unwrap();
        let address = listener.address().unwrap();
        let running = tokio::spawn(listener.run(self.shutdown.clone()));
        (TcpStream::connect(address).await.unwrap(), running)
    }

    /// What is stored, when there are that many records.
    async fn stored(&self, records: usize) -> Vec<Records> {
        loop {
            let found = testing::stored(&self.door.spool).await;
            if records <= found.iter().map(|records| records.records.len()).sum() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn of_source(stored: &[Records], source: &str) -> Vec<String> {
    let records = stored.iter().filter(|records| &*records.origin.source == source);
    records
        .flat_map(|records| &records.records)
        .map(|record| String::from_utf8_lossy(record).into_owned())
        .collect()
}

#[tokio::test]
async fn messages_over_tcp_become_records_of_their_source() {
    let bench = bench(1 << 30);
    let (mut stream, running) = bench.tcp().await;

    stream
        .write_all(b"<34>Oct 11 22:14:15 host sshd[1]: one\n<34>two\n1")
        .await
        .unwrap();
    stream.write_all(b"1 ").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    stream.write_all(b"<1>ab\ncd").await.unwrap();
    stream.write_all("é\n<34>no end of line".as_bytes()).await.unwrap();
    drop(stream);

    let stored = bench.stored(4).await;
    assert_eq!(
        of_source(&stored, "linux.sshd"),
        ["<34>Oct 11 22:14:15 host sshd[1]: one"]
    );
    assert_eq!(
        of_source(&stored, "auto"),
        ["<34>two", "<1>ab\ncdé", "<34>no end of line"]
    );
    assert_eq!(&*stored[0].origin.label, "syslog-tcp:127.0.0.1");
    assert_eq!(&*stored[0].origin.tenant, "acme");
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(
        bench.door.counters.get(),
        Counted {
            received: 4,
            accepted: 4,
            repeated: 0,
            refused: 0,
            dropped: 0
        }
    );
}

#[tokio::test]
async fn messages_over_tls_are_counted_or_lines() {
    let bench = bench(1 << 30);
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let tls = Tls::load(authority.issue().write(folder.path(), Some(&authority))).unwrap();
    let listener = SyslogTcp::bind_tls("127.0.0.1:0".parse().unwrap(), bench.door.clone(), tls)
        .await
        .unwrap();
    let address = listener.address().unwrap();
    let running = tokio::spawn(listener.run(bench.shutdown.clone()));

    let mut stream = connect_tls(address, &authority, Some(&authority.issue()))
        .await
        .unwrap();
    stream.write_all(b"<34>line one\n12 <34>of\ncount").await.unwrap();
    // Far more than a record of TLS, and than is read at once.
    let long = format!("<34>{}\n", "x".repeat(60_000));
    stream.write_all(long.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let end = stream.read(&mut [0; 1]).await;
    assert!(matches!(end, Ok(0)), "the end is told (RFC 5425, 4.4): {end:?}");

    let stored = bench.stored(3).await;
    assert_eq!(
        of_source(&stored, "auto"),
        ["<34>line one", "<34>of\ncount", long.trim_end()]
    );
    assert_eq!(&*stored[0].origin.label, "syslog-tls:127.0.0.1");
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_count_that_is_too_large_closes_the_connection_but_not_the_door() {
    let bench = bench(1 << 30);
    let (mut stream, running) = bench.tcp().await;
    let address = stream.peer_addr().unwrap();

    stream.write_all(b"<1>before\n99999999 <1>x").await.unwrap();
    let closed = stream.read(&mut [0; 1]).await;

    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"<1>after\n").await.unwrap();
    assert_eq!(of_source(&bench.stored(2).await, "auto"), ["<1>before", "<1>after"]);
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

/// Does what the lane does, until there are that many records.
async fn read_and_truncate(mut reader: SpoolReader, count: usize) -> Vec<Vec<u8>> {
    let (mut lines, mut from) = (Vec::new(), 0);
    while lines.len() < count {
        let read = tokio::time::timeout(Duration::from_millis(100), reader.read(from, 100)).await;
        let frames = read.map_or(Vec::new(), |frames| frames.unwrap());
        from = frames.last().map_or(from, Frame::end);
        lines.extend(frames.into_iter().flat_map(|frame| match frame.body {
            FrameBody::Records(records) => records.records,
            other => panic!("{other:?} was not sent"),
        }));
        reader.truncate(from).await.unwrap();
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_makes_a_sender_over_tcp_wait_and_nothing_is_lost() {
    const LINES: usize = 4_000;
    let bench = bench(512 * 1024);
    let (mut stream, running) = bench.tcp().await;
    let sending = tokio::spawn(async move {
        for n in 0..LINES {
            stream
                .write_all(format!("<34>{n} {}\n", "x".repeat(400)).as_bytes())
                .await
                .unwrap();
        }
    });
    // What was sent is far more than the quota, so messages come that cannot be taken.
    while bench.door.counters.get().accepted == bench.door.counters.get().received {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let counted = bench.door.counters.get();
    assert!(
        counted.accepted < counted.received && counted.received < 4_000,
        "{counted:?}"
    );
    assert!(bench.door.spool.status().bytes <= 512 * 1024);
    let lines = read_and_truncate(bench.door.spool.reader(), LINES).await;

    sending.await.unwrap();
    for (n, line) in lines.iter().enumerate() {
        assert!(line.starts_with(format!("<34>{n} ").as_bytes()));
    }
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(bench.door.counters.get().dropped, 0);
}

#[tokio::test]
async fn a_datagram_is_a_message() {
    let bench = bench(1 << 30);
    let listener = SyslogUdp::bind("127.0.0.1:0".parse().unwrap(), bench.door.clone())
        .await
        .unwrap();
    let address = listener.address().unwrap();
    let running = tokio::spawn(listener.run(bench.shutdown.clone()));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();

    for message in [b"<34>one\nstill one\n".as_slice(), b"\n", b"<34>host sshd: two\0"] {
        socket.send_to(message, address).await.unwrap();
    }

    let stored = bench.stored(2).await;
    assert_eq!(of_source(&stored, "auto"), ["<34>one\nstill one"]);
    assert_eq!(of_source(&stored, "linux.sshd"), ["<34>host sshd: two"]);
    assert_eq!(&*stored[0].origin.label, "syslog-udp:127.0.0.1");
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_a_full_spool_does_not_take_from_udp_is_counted_for_its_sender() {
    let bench = bench(128 * 1024);
    let listener = SyslogUdp::bind("127.0.0.1:0".parse().unwrap(), bench.door.clone())
        .await
        .unwrap();
    let (address, lost) = (listener.address().unwrap(), listener.lost());
    let running = tokio::spawn(listener.run(bench.shutdown.clone()));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();

    for _ in 0..100 {
        socket.send_to(&[b'x'; 4_000], address).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    while bench.door.counters.get().received < 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();

    let counted = bench.door.counters.get();
    assert!(0 < counted.accepted && counted.accepted <= 32, "{counted:?}");
    assert_eq!(counted.accepted + counted.dropped, 100);
    assert_eq!(lost.get(), [("127.0.0.1".parse().unwrap(), counted.dropped)]);
}
