use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::msgpack::Reader;
use super::pack::{array, binary, map, number, text, time};
use super::*;
use crate::Counted;
use crate::testing::{self, NOW, Script, texts};

struct Bench {
    _folder: TempDir,
    door: ForwardDoor,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let known = |id: &str, backfill| KnownSource {
        id: Arc::from(id),
        backfill,
    };
    let door = ForwardDoor {
        spool: testing::spool(folder.path(), 1 << 30),
        clock: Arc::new(NOW),
        tenant: Arc::from("acme"),
        sources: [known("auto", false), known("linux.sshd", true)].into(),
        key: None,
        counters: Arc::default(),
    };
    Bench { _folder: folder, door }
}

impl Bench {
    /// Sends the chunks; returns what was answered.
    async fn send<'a>(&self, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let script = Script::new(chunks);
        let sender = Sender {
            door: self.door.clone(),
            peer: [192, 0, 2, 7].into(),
            room: Room::new(),
        };
        sender.serve(Box::new(script.clone()), CancellationToken::new()).await;
        script.answers()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn chunk(id: &str) -> Vec<u8> {
    map(&[("size", number(1)), ("chunk", text(id))])
}

fn compressed(by: &str, id: &str) -> Vec<u8> {
    map(&[("compressed", text(by)), ("chunk", text(id))])
}

fn entry(second: u32, map: Vec<u8>) -> Vec<u8> {
    array(&[time(second, 500_000_000), map])
}

struct Case {
    what: &'static str,
    messages: Vec<Vec<u8>>,
    acks: &'static [&'static str],
    records: &'static [&'static str],
}

const A: &str = r#"{"a":1,"@timestamp":"2026-09-21T15:33:20.5Z","@tag":"t"}"#;
const B: &str = r#"{"b":"é","@timestamp":"2026-09-21T15:33:21.5Z","@tag":"t"}"#;

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let case = |what, messages, acks, records| Case {
        what,
        messages,
        acks,
        records,
    };
    let (first, second) = (map(&[("a", number(1))]), map(&[("b", text("é"))]));
    let (a, b) = (
        entry(1_790_004_800, first.clone()),
        entry(1_790_004_801, second.clone()),
    );
    let both = [a.clone(), b.clone()].concat();
    let t = text("t");
    let message = |rest: &[Vec<u8>]| array(&[std::slice::from_ref(&t), rest].concat());
    let metadata = |seconds| array(&[time(seconds, 500_000_000), map(&[])]);
    vec![
        case("nothing", vec![], &[], &[]),
        case(
            "message",
            vec![message(&[time(1_790_004_800, 500_000_000), first.clone()])],
            &[],
            &[A],
        ),
        case(
            "message with a chunk",
            vec![message(&[time(1_790_004_800, 500_000_000), first.clone(), chunk("x")])],
            &["x"],
            &[A],
        ),
        case(
            "message with metadata",
            vec![message(&[metadata(1_790_004_800), first.clone(), chunk("x")])],
            &["x"],
            &[A],
        ),
        case(
            "forward",
            vec![message(&[array(&[a.clone(), b.clone()]), chunk("x")])],
            &["x"],
            &[A, B],
        ),
        case(
            "forward without a chunk",
            vec![message(&[array(&[a.clone(), b.clone()])])],
            &[],
            &[A, B],
        ),
        case(
            "forward of Fluent Bit",
            vec![message(&[
                array(&[array(&[metadata(1_790_004_800), first.clone()])]),
                chunk("x"),
            ])],
            &["x"],
            &[A],
        ),
        case(
            "forward of nothing",
            vec![message(&[array(&[]), chunk("x")])],
            &["x"],
            &[],
        ),
        case("packed", vec![message(&[binary(&both), chunk("x")])], &["x"], &[A, B]),
        case(
            "packed as text",
            vec![message(&[pack::raw_text(&both), chunk("x")])],
            &["x"],
            &[A, B],
        ),
        case(
            "packed with gzip",
            vec![message(&[binary(&gzip(&both)), compressed("gzip", "x")])],
            &["x"],
            &[A, B],
        ),
        case(
            "packed with gzip in pieces",
            vec![message(&[
                binary(&[gzip(&a), gzip(&b)].concat()),
                compressed("gzip", "x"),
            ])],
            &["x"],
            &[A, B],
        ),
        case(
            "packed with zstd",
            vec![message(&[
                binary(&zstd::encode_all(both.as_slice(), 1).unwrap()),
                compressed("zstd", "x"),
            ])],
            &["x"],
            &[A, B],
        ),
        case(
            "packed with nothing",
            vec![message(&[binary(&both), compressed("text", "x")])],
            &["x"],
            &[A, B],
        ),
        case(
            "two messages",
            vec![
                message(&[array(std::slice::from_ref(&a)), chunk("x")]),
                message(&[binary(&b), chunk("y")]),
            ],
            &["x", "y"],
            &[A, B],
        ),
        case(
            "a bad entry costs no other",
            vec![message(&[binary(&[text("bad"), b.clone()].concat()), chunk("x")])],
            &["x"],
            &["\u{fffd}bad", B],
        ),
        case(
            "entries that cannot be told apart are one record",
            vec![message(&[
                binary(&[a.clone(), b"\xc1??".to_vec()].concat()),
                chunk("x"),
            ])],
            &["x"],
            &[A, "\u{fffd}??"],
        ),
        case(
            "a message that is cut",
            vec![message(&[binary(&both), chunk("x")])[..20].to_vec()],
            &[],
            &[],
        ),
        case("no tag", vec![array(&[number(1), number(2), first.clone()])], &[], &[]),
        case(
            "a tag that is too long",
            vec![array(&[text(&"t".repeat(1_025)), number(2), first.clone()])],
            &[],
            &[],
        ),
        case("too few", vec![message(&[])], &[], &[]),
        case("no map", vec![message(&[number(1)])], &[], &[]),
        case(
            "an unknown compression",
            vec![message(&[binary(&both), compressed("lzma", "x")])],
            &[],
            &[],
        ),
        case(
            "not gzip at all",
            vec![message(&[binary(&both), compressed("gzip", "x")])],
            &[],
            &[],
        ),
        case(
            "options that are none",
            vec![message(&[binary(&both), number(1)])],
            &[],
            &[],
        ),
        case("no MessagePack", vec![b"\xc1".to_vec()], &[], &[]),
        case("JSON", vec![b"[\"t\",1,{}]".to_vec()], &[], &[]),
        case("TLS", vec![b"\x16\x03\x01\x02\0\x01".to_vec()], &[], &[]),
        case(
            "a message that is too long",
            vec![b"\x92\xa1t\xc6\xff\xff\xff\xff".to_vec()],
            &[],
            &[],
        ),
    ]
}

fn acks(chunks: &[&str]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| map(&[("ack", text(chunk))])).collect()
}

#[tokio::test]
async fn entries_are_kept_and_chunks_acknowledged_however_they_are_cut() {
    for Case {
        what,
        messages,
        acks: chunks,
        records,
    } in cases()
    {
        let stream = messages.concat();
        let bench = bench();
        assert_eq!(bench.send([stream.as_slice()]).await, acks(chunks), "{what}");
        assert_eq!(texts(&bench.door.spool).await, records, "{what}");
        for place in 1..stream.len() {
            let (head, tail) = stream.split_at(place);
            assert_eq!(bench.send([head, tail]).await, acks(chunks), "{what}, cut at {place}");
        }
        assert_eq!(bench.send(stream.chunks(1)).await, acks(chunks), "{what}, byte by byte");
        // What has a chunk was a repetition each time.
        let times = if chunks.is_empty() { stream.len().max(1) + 1 } else { 1 };
        assert_eq!(texts(&bench.door.spool).await, records.repeat(times), "{what}, again");
        let Counted {
            received,
            accepted,
            repeated,
            refused,
            dropped,
        } = bench.door.counters.get();
        assert_eq!((accepted + repeated, refused, dropped), (received, 0, 0), "{what}");
    }
}

#[tokio::test]
async fn a_tag_may_name_a_source() {
    let bench = bench();
    for tag in ["linux.sshd", "sekisho.linux.sshd", "sekisho.auto", "app", "sekisho.app"] {
        bench.send([array(&[text(tag), number(1), map(&[])]).as_slice()]).await;
    }
    let stored = testing::stored(&bench.door.spool).await;
    let of = |records: &sekisho_pipeline::Records| (records.origin.source.to_string(), records.origin.backfill);
    let sshd = ("linux.sshd".to_owned(), true);
    let auto = ("auto".to_owned(), false);
    let expected = [sshd.clone(), sshd, auto.clone(), auto.clone(), auto];
    assert_eq!(stored.iter().map(of).collect::<Vec<_>>(), expected);
    assert_eq!(&*stored[0].origin.label, "forward:192.0.2.7");
    assert_eq!(&*stored[0].origin.tenant, "acme");
}

#[tokio::test]
async fn the_same_entries_in_another_chunk_are_others() {
    let bench = bench();
    let entries = binary(&entry(1, map(&[])));
    for (id, expected) in [("x", 1), ("x", 1), ("y", 2)] {
        bench
            .send([array(&[text("t"), entries.clone(), chunk(id)]).as_slice()])
            .await;
        assert_eq!(texts(&bench.door.spool).await.len(), expected, "{id}");
    }
}

#[tokio::test]
async fn many_small_entries_are_kept_in_parts() {
    let bench = bench();
    let entries = entry(1, map(&[])).repeat(10_000);
    let message = array(&[text("t"), binary(&entries), chunk("x")]);
    assert_eq!(bench.send([message.as_slice()]).await, acks(&["x"]));
    assert_eq!(bench.send([message.as_slice()]).await, acks(&["x"]));
    let stored = testing::stored(&bench.door.spool).await;
    let counts: Vec<usize> = stored.iter().map(|records| records.records.len()).collect();
    assert_eq!(counts, [4_096, 4_096, 1_808]);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let bomb = gzip(&vec![0; 40 * 1024 * 1024]);
    let message = array(&[text("t"), binary(&bomb), compressed("gzip", "x")]);
    assert_eq!(bench().send([message.as_slice()]).await, b"");
}

#[tokio::test]
async fn a_message_without_an_end_is_refused_when_it_is_too_long() {
    // An array of four thousand million values, of which 33 MiB come.
    let bench = bench();
    let values = binary(&vec![0; 65_532]).repeat(33 * 16);
    let endless = [b"\x92\xa1t\xdd\xff\xff\xff\xff".to_vec(), values].concat();
    let last = array(&[text("t"), number(1), map(&[])]);
    bench.send([endless.as_slice(), &last]).await;
    assert_eq!(texts(&bench.door.spool).await, [""; 0]);
}

/// Connects to a door that has a key; returns what it said after `answer`, and the records.
async fn greeted(answer: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<u8>, Vec<String>) {
    let mut bench = bench();
    bench.door.key = Some(SharedKey::new("secret"));
    let listener = Forward::bind("127.0.0.1:0".parse().unwrap(), bench.door.clone(), None)
        .await
        .unwrap();
    let (address, shutdown) = (listener.address().unwrap(), CancellationToken::new());
    let running = tokio::spawn(listener.run(shutdown.clone()));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut helo = [0; 48];
    client.read_exact(&mut helo).await.unwrap();
    assert_eq!(Reader::new(&helo).value(), Ok(helo.as_slice()));
    let nonce = &helo[15..31];

    let message = array(&[text("t"), number(1), map(&[]), chunk("x")]);
    client.write_all(&answer(nonce)).await.unwrap();
    let mut pong = vec![0; 1_024];
    let count = client.read(&mut pong).await.unwrap();
    pong.truncate(count);
    // The other side may be gone already.
    drop(client.write_all(&message).await);
    drop(client.shutdown().await);
    drop(client.read_to_end(&mut pong).await);
    shutdown.cancel();
    running.await.unwrap().unwrap();
    (pong, texts(&bench.door.spool).await)
}

#[tokio::test]
async fn only_who_knows_the_key_may_send() {
    let (said, records) = greeted(|nonce| handshake::ping("client", nonce, "secret")).await;
    assert_eq!(records, [r#"{"@timestamp":"1970-01-01T00:00:01Z","@tag":"t"}"#]);
    assert!(said.ends_with(&acks(&["x"])));

    let (said, records) = greeted(|nonce| handshake::ping("client", nonce, "guess")).await;
    assert!(records.is_empty());
    assert!(memchr::memmem::find(&said, b"the shared key is another one").is_some());

    let (said, records) = greeted(|_| array(&[text("t"), number(1), map(&[])])).await;
    assert!(records.is_empty());
    assert!(memchr::memmem::find(&said, b"expected PING").is_some());
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<u8>().prop_map(number),
        "[a-z]{0,4}".prop_map(|word| text(&word)),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| binary(&bytes)),
        prop::collection::vec(any::<u8>(), 0..6),
        any::<(u32, u32)>().prop_map(|(seconds, nanoseconds)| time(seconds, nanoseconds)),
        Just(map(&[("chunk", text("x"))])),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| array(&values)),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|values| binary(&values.concat())),
            inner.clone().prop_map(|value| map(&[("k", value)])),
            inner.prop_map(|value| array(&[text("t"), value])),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_stream_is_read_alike_however_it_is_cut(values in prop::collection::vec(value(), 0..5), size in 1usize..20) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stream = values.concat();
            let (whole, parts) = (bench(), bench());
            prop_assert_eq!(whole.send([stream.as_slice()]).await, parts.send(stream.chunks(size)).await);
            prop_assert_eq!(texts(&whole.door.spool).await, texts(&parts.door.spool).await);
            Ok(())
        })?;
    }
}
