use std::io::Write as _;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::RETRY_AFTER;
use flate2::Compression;
use flate2::write::GzEncoder;
use sekisho_model::Time;
use sekisho_pipeline::{Log, Records};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use super::answer::Refusal;
use super::body::Room;
use super::*;
use crate::{Counted, SpoolSettings, testing};

const NOW: Time = Time::from_secs(1_790_000_000);

struct Bench {
    _folder: TempDir,
    door: HttpDoor,
    tokens: watch::Sender<Arc<Tokens>>,
}

fn bench(quota_bytes: u64) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(SpoolSettings {
        quota_bytes,
        ..SpoolSettings::new(folder.path())
    })
    .unwrap();
    let anonymous = Tokens {
        tokens: Vec::new(),
        anonymous: Some(Arc::from("default")),
    };
    let (tokens, receiver) = watch::channel(Arc::new(anonymous));
    let sources = ["auto", "linux.sshd", "okta.system"].map(|id| KnownSource {
        id: Arc::from(id),
        backfill: id == "okta.system",
    });
    let door = HttpDoor {
        spool,
        clock: Arc::new(NOW),
        tokens: receiver,
        sources: Arc::from(sources),
        counters: Arc::default(),
        shutdown: CancellationToken::new(),
    };
    Bench {
        _folder: folder,
        door,
        tokens,
    }
}

fn request(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

impl Bench {
    async fn send(&self, request: Request<Body>) -> (u16, serde_json::Value, Option<u64>) {
        let response = router(self.door.clone()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let retry = response
            .headers()
            .get(RETRY_AFTER)
            .map(|value| value.to_str().unwrap().parse().unwrap());
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap(), retry)
    }

    async fn post(&self, source: &str, body: &[u8]) -> (u16, serde_json::Value) {
        let (status, body, _) = self
            .send(request(&format!("/ingest/{source}"), &[], body.to_vec()))
            .await;
        (status, body)
    }

    async fn stored(&self) -> Vec<Records> {
        testing::stored(&self.door.spool).await
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_body_becomes_records_with_their_origin() {
    let bench = bench(1 << 30);

    let answer = bench.post("okta.system", b"[{\"a\":1}, {\"b\":2}, broken]").await;

    assert_eq!(answer, (200, json!({ "accepted": 3 })));
    let stored = bench.stored().await;
    assert_eq!(
        stored[0].records,
        [b"{\"a\":1}".to_vec(), b"{\"b\":2}".to_vec(), b"broken".to_vec()]
    );
    let origin = &stored[0].origin;
    assert_eq!(
        (&*origin.tenant, &*origin.source, &*origin.label),
        ("default", "okta.system", "http:anonymous")
    );
    assert!(origin.backfill);
    assert_eq!(
        bench.door.counters.get(),
        Counted {
            received: 3,
            accepted: 3,
            repeated: 0,
            refused: 0,
            dropped: 0
        }
    );
}

#[tokio::test]
async fn packed_bodies_and_any_content_type_are_taken() {
    let bench = bench(1 << 30);
    let text = b"{\"a\":1}\n{\"b\":2}\n";
    let zstd = zstd::encode_all(text.as_slice(), 1).unwrap();
    let cases = [
        ("content-encoding", "gzip", gzip(text)),
        ("content-type", "text/plain; charset=utf-8", gzip(text)),
        ("content-encoding", "zstd", zstd),
        ("content-encoding", "identity", text.to_vec()),
        ("content-type", "application/x-odd", text.to_vec()),
    ];
    for (n, (header, value, body)) in cases.into_iter().enumerate() {
        let key = n.to_string();
        let headers = [(header, value), ("idempotency-key", key.as_str())];
        let (status, answer, _) = bench.send(request("/ingest/auto", &headers, body)).await;
        assert_eq!((status, answer), (200, json!({ "accepted": 2 })), "{headers:?}");
    }
    assert_eq!(bench.stored().await.len(), 5);
}

#[tokio::test]
async fn a_body_that_is_sent_again_is_answered_alike_and_taken_in_once() {
    let bench = bench(1 << 30);
    let keyed = |body: &'static str| request("/ingest/auto", &[("idempotency-key", "k1")], body);

    for _ in 0..2 {
        assert_eq!(bench.post("auto", b"{\"a\":1}").await, (200, json!({ "accepted": 1 })));
        assert_eq!(bench.send(keyed("{\"a\":1}")).await.0, 200);
    }
    assert_eq!(bench.send(keyed("{\"other\":1}")).await.0, 200);
    assert_eq!(bench.post("linux.sshd", b"{\"a\":1}").await.0, 200);

    assert_eq!(bench.stored().await.len(), 3);
}

#[tokio::test]
async fn nothing_in_a_body_is_fine() {
    let bench = bench(1 << 30);

    assert_eq!(bench.post("auto", b" \n").await, (200, json!({ "accepted": 0 })));
    assert_eq!(bench.post("auto", b"[]").await, (200, json!({ "accepted": 0 })));
    assert_eq!(bench.stored().await, []);
}

#[tokio::test]
async fn a_page_in_a_browser_may_not_send_without_a_token() {
    let bench = bench(1 << 30);

    let (status, ..) = bench
        .send(request("/ingest/auto", &[("origin", "https://example.com")], "line\n"))
        .await;

    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_token_is_needed_where_there_is_one() {
    let bench = bench(1 << 30);
    let token = Token {
        name: Arc::from("vpn"),
        hash: Token::hash("s3cret"),
        sources: Some([Arc::from("auto")].into()),
        tenant: Arc::from("acme"),
    };
    bench.tokens.send_replace(Arc::new(Tokens {
        tokens: vec![token],
        anonymous: Some(Arc::from("default")),
    }));
    let with = |path: &str, token: &str| request(path, &[("authorization", token)], "line");

    assert_eq!(bench.post("auto", b"line").await.0, 401);
    assert_eq!(bench.send(with("/ingest/auto", "Bearer wrong")).await.0, 401);
    assert_eq!(bench.send(with("/ingest/linux.sshd", "Bearer s3cret")).await.0, 403);
    assert_eq!(bench.send(with("/ingest/auto?token=s3cret", "Basic x")).await.0, 401);
    assert_eq!(bench.send(with("/ingest/auto", "Bearer s3cret")).await.0, 200);

    let stored = bench.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(
        (&*stored[0].origin.tenant, &*stored[0].origin.label),
        ("acme", "http:vpn")
    );
    assert_eq!(
        bench.door.counters.get(),
        Counted {
            received: 5,
            accepted: 1,
            repeated: 0,
            refused: 4,
            dropped: 0
        }
    );
}

#[tokio::test]
async fn an_unknown_source_is_told_the_known_ones() {
    let bench = bench(1 << 30);

    let (status, answer) = bench.post("linux.ssh", b"line").await;

    assert_eq!(status, 404);
    assert_eq!(
        answer["error"],
        "unknown source \"linux.ssh\", expected one of auto linux.sshd okta.system"
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let bench = bench(1 << 30);
    let large = vec![b'x'; WIRE_BYTES_MAX + 1];
    let bomb = gzip(&vec![b' '; BODY_BYTES_MAX + 1]);
    let many = "a\n".repeat(RECORDS_MAX + 1);

    assert_eq!(bench.post("auto", &large).await.0, 413);
    assert_eq!(bench.post("auto", &bomb).await.0, 413);
    assert_eq!(bench.post("auto", many.as_bytes()).await.0, 413);
    assert_eq!(
        bench
            .send(request("/ingest/auto", &[("content-encoding", "br")], "x"))
            .await
            .0,
        400
    );
    assert_eq!(
        bench
            .send(request("/ingest/auto", &[("content-encoding", "gzip")], "x"))
            .await
            .0,
        400
    );
    assert_eq!(bench.stored().await, []);
}

#[tokio::test]
async fn a_large_body_is_one_frame_and_a_long_record_is_cut() {
    let bench = bench(1 << 30);
    let line = [vec![b'x'; 300 * 1024], b"\nshort\n".to_vec()].concat();
    let body = line.repeat(100);

    assert_eq!(bench.post("auto", &body).await, (200, json!({ "accepted": 200 })));

    let stored = bench.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].records[0].len(), crate::lines::RECORD_BYTES_MAX);
    assert_eq!(stored[0].records[199], b"short");
}

#[tokio::test]
async fn a_full_spool_says_when_to_come_again() {
    let bench = bench(32 * 1024);
    let mut statuses = Vec::new();
    for n in 0..10 {
        let body = format!("{n} {}", "x".repeat(5_000));
        let (status, _, retry) = bench.send(request("/ingest/auto", &[], body)).await;
        statuses.push((status, retry.is_some()));
    }
    assert_eq!(statuses[0], (200, false));
    assert_eq!(statuses[9], (429, true));
    // What was taken in is still known, full or not.
    assert_eq!(
        bench
            .post("auto", format!("0 {}", "x".repeat(5_000)).as_bytes())
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn memory_for_bodies_is_bounded_and_given_back() {
    let room = Room::new();
    let mut first = room.hold();
    first.more(BODIES_BYTES_MAX - 10).await.unwrap();
    let mut second = room.hold();
    second.more(10).await.unwrap();

    assert_eq!(second.more(1).await, Err(Refusal::Busy));
    drop(first);
    assert_eq!(second.more(1).await, Ok(()));
}

#[tokio::test]
async fn after_the_shutdown_began_nothing_is_taken() {
    let bench = bench(1 << 30);
    let health = || Request::get("/healthz").body(Body::empty()).unwrap();
    assert_eq!(bench.send(health()).await.0, 200);

    bench.door.shutdown.cancel();

    let (status, _, retry) = bench.send(request("/ingest/auto", &[], "x")).await;
    assert_eq!((status, retry.is_some()), (503, true));
    assert_eq!(bench.send(health()).await.0, 503);
}

#[tokio::test]
async fn a_real_connection_with_a_chunked_body_works() {
    let bench = bench(1 << 30);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(axum::serve(listener, router(bench.door.clone())).into_future());
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client
        .write_all(
            b"POST /ingest/linux.sshd HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    for chunk in ["8\r\nline one\r\n", "a\r\n\nline two\n\r\n", "0\r\n\r\n"] {
        client.write_all(chunk.as_bytes()).await.unwrap();
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    served.abort();

    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"accepted\":2}"),
        "{answer}"
    );
    assert_eq!(
        bench.stored().await[0].records,
        [b"line one".to_vec(), b"line two".to_vec()]
    );
}

#[tokio::test]
async fn a_body_that_ends_early_is_not_taken() {
    let bench = bench(1 << 30);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(axum::serve(listener, router(bench.door.clone())).into_future());
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"POST /ingest/auto HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf of a")
        .await
        .unwrap();
    drop(client);

    while bench.door.counters.get().refused == 0 {
        tokio::task::yield_now().await;
    }
    served.abort();
    assert_eq!(bench.stored().await, []);
}

#[tokio::test]
async fn records_of_several_sources_are_taken_in_once_too() {
    let bench = bench(1 << 30);
    let body = "{\"event\":\"one\",\"sourcetype\":\"linux.sshd\"}{\"event\":\"two\",\"sourcetype\":\"auto\"}";
    for _ in 0..2 {
        let (status, ..) = bench.send(request("/services/collector", &[], body)).await;
        assert_eq!(status, 200);
    }
    // The same bytes are something else at another door.
    assert_eq!(bench.post("auto", body.as_bytes()).await.0, 200);

    let stored = bench.stored().await;
    let found: Vec<(&str, usize)> = stored
        .iter()
        .map(|group| (&*group.origin.source, group.records.len()))
        .collect();
    assert_eq!(found, [("linux.sshd", 1), ("auto", 1), ("auto", 2)]);
}

#[tokio::test]
async fn a_delivery_of_firehose_is_taken_in_once() {
    let bench = bench(1 << 30);
    for (id, timestamp) in [("r1", 1), ("r1", 2), ("r2", 1)] {
        let body = format!("{{\"requestId\":\"{id}\",\"timestamp\":{timestamp},\"records\":[{{\"data\":\"eA==\"}}]}}");
        let (status, answer, _) = bench
            .send(request("/firehose", &[("x-amz-firehose-request-id", id)], body))
            .await;
        assert_eq!((status, &answer["requestId"]), (200, &json!(id)));
    }
    assert_eq!(bench.stored().await.len(), 2);
}

#[tokio::test]
async fn what_is_declined_is_counted() {
    let bench = bench(1 << 30);
    let body = "{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{}}\n{\"a\":1}\n";

    let (status, answer, _) = bench.send(request("/_bulk", &[], body)).await;

    assert_eq!((status, &answer["errors"]), (200, &json!(true)));
    assert_eq!(
        bench.door.counters.get(),
        Counted {
            received: 2,
            accepted: 1,
            repeated: 0,
            refused: 1,
            dropped: 0
        }
    );
}

/// A connection on which an upload of the journal has begun.
async fn begin_upload(bench: &Bench) -> (tokio::net::TcpStream, tokio::task::JoinHandle<std::io::Result<()>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(axum::serve(listener, router(bench.door.clone())).into_future());
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client
        .write_all(
            b"POST /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    let mut answer = [0; 25];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    (client, served)
}

async fn send_chunk(client: &mut tokio::net::TcpStream, chunk: &str) {
    let framed = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    client.write_all(framed.as_bytes()).await.unwrap();
}

async fn until_accepted(bench: &Bench, records: u64) {
    while bench.door.counters.get().accepted < records {
        tokio::task::yield_now().await;
    }
}

fn entries(count: usize) -> String {
    format!("MESSAGE={}\n\n", "x".repeat(1_000)).repeat(count)
}

#[tokio::test]
async fn a_long_upload_becomes_durable_in_parts_and_is_answered_at_its_end() {
    let bench = bench(1 << 30);
    let (mut client, served) = begin_upload(&bench).await;

    send_chunk(&mut client, &entries(1_500)).await;
    until_accepted(&bench, 1_000).await;
    // Little is not kept waiting either.
    send_chunk(&mut client, &format!("{}MESSAGE=last", entries(1))).await;
    until_accepted(&bench, 1_501).await;
    assert_eq!(bench.door.counters.get().accepted, 1_501);
    client.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    served.abort();

    assert!(
        answer.starts_with("HTTP/1.1 202") && answer.ends_with("OK.\n"),
        "{answer}"
    );
    let stored = bench.stored().await;
    assert!(2 <= stored.len());
    assert_eq!(stored.iter().map(|group| group.records.len()).sum::<usize>(), 1_502);
    assert_eq!(
        stored.last().unwrap().records.last().unwrap(),
        b"{\"MESSAGE\":\"last\"}"
    );
}

#[tokio::test]
async fn an_upload_that_ends_early_keeps_the_entries_that_are_complete() {
    let bench = bench(1 << 30);
    let (mut client, served) = begin_upload(&bench).await;

    send_chunk(&mut client, "MESSAGE=one\n\nMESSAGE=tw").await;
    drop(client);
    while bench.door.counters.get().refused == 0 {
        tokio::task::yield_now().await;
    }
    served.abort();

    let stored = bench.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].records, [b"{\"MESSAGE\":\"one\"}".to_vec()]);
}

#[tokio::test]
async fn an_upload_does_not_hold_up_the_shutdown() {
    let bench = bench(1 << 30);
    let (mut client, served) = begin_upload(&bench).await;
    send_chunk(&mut client, "MESSAGE=one\n\n").await;
    until_accepted(&bench, 1).await;

    bench.door.shutdown.cancel();

    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    served.abort();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(bench.stored().await.len(), 1);
}

#[tokio::test]
async fn an_upload_waits_while_the_spool_is_full() {
    let bench = bench(256 * 1024);
    let (mut client, served) = begin_upload(&bench).await;

    send_chunk(&mut client, &entries(60)).await;
    until_accepted(&bench, 60).await;
    while bench
        .post(
            "auto",
            format!("{} {}", bench.door.counters.get().received, "x".repeat(9_000)).as_bytes(),
        )
        .await
        .0
        == 200
    {}
    send_chunk(&mut client, &entries(61)).await;
    let begun = bench.door.counters.get();
    // It has been read, and waits for the spool.
    while bench.door.counters.get().received < begun.received + 61 {
        tokio::task::yield_now().await;
    }
    let end = bench.door.spool.status().end;
    let mut reader = bench.door.spool.reader();
    reader.truncate(end).await.unwrap();
    until_accepted(&bench, begun.accepted + 61).await;
    client.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    served.abort();

    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

#[tokio::test]
async fn bombs_of_every_kind_are_refused() {
    let bench = bench(1 << 30);
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    // Each is small, and they are many.
    let inner = base64(&gzip(&vec![b' '; 1024 * 1024]));
    let records = vec![format!("{{\"data\":\"{inner}\"}}"); 40].join(",");
    let nested = format!("{{\"event\":{}", "[".repeat(4_000_000));
    let empty = [0x0a, 0].repeat(4_000_000);
    let streams = format!("{{\"streams\":[{{\"values\":[{}1]}}]}}", "1,".repeat(RECORDS_MAX));
    let cases: [(&str, &str, Vec<u8>, u16); 5] = [
        (
            "/firehose",
            "application/json",
            format!("{{\"records\":[{records}]}}").into_bytes(),
            413,
        ),
        ("/loki/api/v1/push", "application/json", streams.into_bytes(), 413),
        ("/v1/logs", "application/x-protobuf", empty, 200),
        (
            "/v1/logs",
            "application/json",
            format!("{{\"a\":{}", "[".repeat(4_000_000)).into_bytes(),
            400,
        ),
        ("/services/collector", "application/json", nested.into_bytes(), 200),
    ];
    for (path, content_type, body, expected) in cases {
        let response = router(bench.door.clone())
            .oneshot(request(path, &[("content-type", content_type)], body))
            .await
            .unwrap();
        assert_eq!(response.status(), expected, "{path} {content_type}");
    }
    // What has no end is a record that was cut.
    assert_eq!(bench.stored().await.len(), 1);
}
