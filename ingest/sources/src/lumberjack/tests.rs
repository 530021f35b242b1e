use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::acknowledgement;
use super::*;
use crate::testing::{self, NOW, Script, texts};
use crate::{Counted, Spool};

struct Bench {
    _folder: TempDir,
    door: LumberjackDoor,
}

fn bench(quota_bytes: u64) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let door = LumberjackDoor {
        spool: testing::spool(folder.path(), quota_bytes),
        clock: Arc::new(NOW),
        tenant: Arc::from("acme"),
        source: KnownSource {
            id: Arc::from("auto"),
            backfill: false,
        },
        counters: Arc::default(),
    };
    Bench { _folder: folder, door }
}

impl Bench {
    fn sender(&self, keep_alive: Duration) -> Sender {
        Sender {
            door: self.door.clone(),
            peer: [192, 0, 2, 7].into(),
            room: Room::new(),
            keep_alive,
        }
    }

    /// Sends the chunks; returns what was answered.
    async fn send<'a>(&self, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let script = Script::new(chunks);
        let stream = Box::new(script.clone());
        self.sender(KEEP_ALIVE).serve(stream, CancellationToken::new()).await;
        script.answers()
    }
}

fn window(count: u32) -> Vec<u8> {
    [b"2W".as_slice(), &count.to_be_bytes()].concat()
}

fn event(number: u32, json: &str) -> Vec<u8> {
    let length = u32::try_from(json.len()).unwrap();
    [
        b"2J".as_slice(),
        &number.to_be_bytes(),
        &length.to_be_bytes(),
        json.as_bytes(),
    ]
    .concat()
}

fn packed(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&frames.concat()).unwrap();
    let zlib = encoder.finish().unwrap();
    [
        b"2C".as_slice(),
        &u32::try_from(zlib.len()).unwrap().to_be_bytes(),
        &zlib,
    ]
    .concat()
}

fn acks(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| acknowledgement(*number)).collect()
}

struct Case {
    what: &'static str,
    frames: Vec<Vec<u8>>,
    acks: &'static [u32],
    records: &'static [&'static str],
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let case = |what, frames, acks, records| Case {
        what,
        frames,
        acks,
        records,
    };
    let (a, b) = (event(1, r#"{"a":1}"#), event(2, r#"{"b":"é"}"#));
    vec![
        case("nothing", vec![], &[], &[]),
        case("a window of one", vec![window(1), a.clone()], &[1], &[r#"{"a":1}"#]),
        case(
            "a window of two",
            vec![window(2), a.clone(), b.clone()],
            &[2],
            &[r#"{"a":1}"#, r#"{"b":"é"}"#],
        ),
        case(
            "two windows",
            vec![window(1), a.clone(), window(1), event(1, "{}")],
            &[1, 1],
            &[r#"{"a":1}"#, "{}"],
        ),
        case(
            "packed",
            vec![window(2), packed(&[a.clone(), b.clone()])],
            &[2],
            &[r#"{"a":1}"#, r#"{"b":"é"}"#],
        ),
        case(
            "packed with its window",
            vec![packed(&[window(1), a.clone()])],
            &[1],
            &[r#"{"a":1}"#],
        ),
        case(
            "packed and plain",
            vec![window(2), packed(std::slice::from_ref(&a)), b.clone()],
            &[2],
            &[r#"{"a":1}"#, r#"{"b":"é"}"#],
        ),
        case(
            "numbers that go on",
            vec![window(1), a.clone(), window(1), b.clone()],
            &[1, 2],
            &[r#"{"a":1}"#, r#"{"b":"é"}"#],
        ),
        case(
            "what is not JSON is kept too",
            vec![window(1), event(1, "no json")],
            &[1],
            &["no json"],
        ),
        case(
            "an unfinished window is acknowledged by the next",
            vec![window(5), a.clone(), window(1), b.clone()],
            &[1, 2],
            &[r#"{"a":1}"#, r#"{"b":"é"}"#],
        ),
        case("an unfinished window is not kept", vec![window(2), a.clone()], &[], &[]),
        case("an event without a window", vec![a.clone()], &[], &[]),
        case(
            "an event beyond the window",
            vec![window(1), a.clone(), b.clone()],
            &[1],
            &[r#"{"a":1}"#],
        ),
        case("numbers out of order", vec![window(3), a.clone(), a.clone()], &[], &[]),
        case(
            "packed twice",
            vec![window(1), packed(&[packed(std::slice::from_ref(&a))])],
            &[],
            &[],
        ),
        case(
            "packed and cut",
            vec![window(2), packed(&[a.clone(), b[..9].to_vec()]), window(1), a.clone()],
            &[],
            &[],
        ),
        case(
            "not packed at all",
            vec![window(1), b"2C\0\0\0\x05hello".to_vec(), window(1), a.clone()],
            &[],
            &[],
        ),
        case("version 1", vec![b"1W\0\0\0\x01".to_vec(), a.clone()], &[], &[]),
        case(
            "data of version 1",
            vec![window(1), b"2D\0\0\0\x01\0\0\0\0".to_vec(), a.clone()],
            &[],
            &[],
        ),
        case("an unknown kind", vec![window(1), b"2X".to_vec(), a.clone()], &[], &[]),
        case("TLS", vec![b"\x16\x03\x01\x02\0\x01".to_vec()], &[], &[]),
        case(
            "an event that is too long",
            vec![window(1), b"2J\0\0\0\x01\xff\xff\xff\xff{}".to_vec()],
            &[],
            &[],
        ),
        case(
            "a packed frame that is too long",
            vec![window(1), b"2C\xff\xff\xff\xff".to_vec()],
            &[],
            &[],
        ),
    ]
}

#[tokio::test]
async fn events_are_kept_and_acknowledged_however_they_are_cut() {
    for Case {
        what,
        frames,
        acks: numbers,
        records,
    } in cases()
    {
        let stream = frames.concat();
        let bench = bench(1 << 30);
        assert_eq!(bench.send([stream.as_slice()]).await, acks(numbers), "{what}");
        assert_eq!(texts(&bench.door.spool).await, records, "{what}");
        // From here on everything is a repetition: acknowledged, and not kept again.
        for place in 1..stream.len() {
            let (head, tail) = stream.split_at(place);
            assert_eq!(bench.send([head, tail]).await, acks(numbers), "{what}, cut at {place}");
        }
        assert_eq!(
            bench.send(stream.chunks(1)).await,
            acks(numbers),
            "{what}, byte by byte"
        );
        assert_eq!(texts(&bench.door.spool).await, records, "{what}, again");
        let Counted {
            received,
            accepted,
            repeated,
            refused,
            dropped,
        } = bench.door.counters.get();
        assert_eq!((accepted + repeated + refused, dropped), (received, 0), "{what}");
    }
}

#[tokio::test]
async fn a_record_says_from_where_it_came() {
    let mut bench = bench(1 << 30);
    bench.door.source = KnownSource {
        id: Arc::from("linux.sshd"),
        backfill: true,
    };
    bench.send([window(1).as_slice(), &event(1, "{}")]).await;

    let stored = testing::stored(&bench.door.spool).await;
    let origin = &stored[0].origin;
    assert_eq!(&*origin.label, "lumberjack:192.0.2.7");
    assert_eq!(
        (&*origin.tenant, &*origin.source, origin.backfill),
        ("acme", "linux.sshd", true)
    );
}

#[tokio::test]
async fn a_large_window_is_kept_and_acknowledged_in_parts() {
    let bench = bench(1 << 30);
    let events: Vec<Vec<u8>> = (1..=10_000).map(|n| event(n, "{}")).collect();

    let answers = bench.send([window(10_000).as_slice(), &packed(&events)]).await;

    assert_eq!(answers, acks(&[4_096, 8_192, 10_000]));
    assert_eq!(texts(&bench.door.spool).await.len(), 10_000);
}

#[tokio::test]
async fn a_long_event_is_cut_and_costs_no_other() {
    let bench = bench(1 << 30);
    let long = format!("{{\"long\":\"{}\"}}", "x".repeat(crate::lines::RECORD_BYTES_MAX));

    let answers = bench
        .send([window(2).as_slice(), &event(1, &long), &event(2, "{}")])
        .await;

    assert_eq!(answers, acks(&[2]));
    let texts = texts(&bench.door.spool).await;
    assert_eq!(texts[0].as_bytes(), &long.as_bytes()[..crate::lines::RECORD_BYTES_MAX]);
    assert_eq!(texts[1], "{}");
}

/// Fills the spool to its quota.
async fn fill(spool: &Spool, door: &LumberjackDoor) -> usize {
    let mut count = 0;
    loop {
        let records = sekisho_pipeline::Records {
            origin: sekisho_model::Origin {
                tenant: Arc::clone(&door.tenant),
                source: Arc::from("auto"),
                label: Arc::from("test"),
                log: Arc::from("spool"),
                backfill: false,
            },
            cursor: None,
            records: vec![vec![b'x'; 4_000]],
        };
        if spool.append(records, NOW).await.is_err() {
            return count;
        }
        count += 1;
    }
}

#[tokio::test]
async fn while_the_spool_is_full_the_sender_is_told_that_it_takes_longer() {
    let bench = bench(128 * 1024);
    let filled = fill(&bench.door.spool, &bench.door).await;
    let (mut client, server) = tokio::io::duplex(1024);
    let (sender, shutdown) = (bench.sender(Duration::from_millis(1)), CancellationToken::new());
    let stop = shutdown.clone();
    let running = tokio::spawn(async move { sender.serve(Box::new(server), stop).await });

    let long = format!("\"{}\"", "x".repeat(8_000));
    client.write_all(&[window(1), event(1, &long)].concat()).await.unwrap();
    let mut answer = [0; 18];
    client.read_exact(&mut answer).await.unwrap();
    shutdown.cancel();
    running.await.unwrap();

    assert_eq!(answer.as_slice(), acks(&[0, 0, 0]));
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert!(rest.chunks(6).all(|ack| ack == acks(&[0])), "{rest:?}");
    assert_eq!(texts(&bench.door.spool).await.len(), filled);
    assert_eq!(bench.door.counters.get().refused, 1);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let bench = bench(1 << 30);
    let bomb = packed(&[vec![b' '; 40 * 1024 * 1024]]);
    assert_eq!(bench.send([window(1).as_slice(), &bomb]).await, b"");
}

#[tokio::test]
async fn a_listener_serves_and_ends() {
    let bench = bench(1 << 30);
    let listener = Lumberjack::bind("127.0.0.1:0".parse().unwrap(), bench.door.clone(), None)
        .await
        .unwrap();
    let (address, shutdown) = (listener.address().unwrap(), CancellationToken::new());
    let running = tokio::spawn(listener.run(shutdown.clone()));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut answer = [0; 6];
    client.write_all(&[window(1), event(1, "{}")].concat()).await.unwrap();
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer.as_slice(), acks(&[1]));
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(client.read(&mut answer).await.unwrap(), 0);
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![
        (0u32..5).prop_map(window),
        (0u32..5, "[a-z]{0,5}").prop_map(|(number, json)| event(number, &json)),
        prop::collection::vec((0u32..5, "[a-z]{0,5}"), 0..4).prop_map(|events| {
            let events: Vec<_> = events.iter().map(|(number, json)| event(*number, json)).collect();
            packed(&events)
        }),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(one, 0..12).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_stream_is_read_alike_however_it_is_cut(stream in frames(), size in 1usize..20) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = bench(1 << 30);
            let at_once = bench.send([stream.as_slice()]).await;
            let records = texts(&bench.door.spool).await;
            let in_parts = bench.send(stream.chunks(size)).await;
            let Counted { received, accepted, repeated, refused, .. } = bench.door.counters.get();

            prop_assert_eq!(&at_once, &in_parts);
            prop_assert_eq!(records, texts(&bench.door.spool).await);
            prop_assert_eq!(received, accepted + repeated + refused);
            Ok(())
        })?;
    }

    #[test]
    fn no_frame_is_longer_than_what_came(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(Some((_, length))) = frame::first(&bytes) {
            prop_assert!(0 < length && length <= bytes.len());
        }
    }
}
