//! Bodies that no client sends.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::bench::{Bench, State};

/// A door, and the pieces of its bodies; each `@` becomes a mark that is nowhere else.
struct Door {
    target: &'static str,
    content_type: &'static str,
    /// What stands before, between and after the pieces.
    frame: (&'static str, &'static str, &'static str),
    pieces: &'static [&'static str],
    /// Whether a body of which one byte was changed still has a record for each mark. Where records lie
    /// in an envelope, what is no longer known in it is not looked at.
    any_byte: bool,
}

/// Logs as the message library of OpenTelemetry writes them; the first case of `cases/otlp.toml`.
const OTLP: &str = "CuMBCh4KHAoMc2VydmljZS5uYW1lEgwKCmxpbnV4LnNzaGQSwAESKgkBAAAAAAAAABAJKh0KG0FjY2VwdGVkIHB1YmxpY2tleSBmb3IgaGFuYRJeKlwyWgoPCgR1c2VyEgcKBWhhIm5hChAKAW4SCxj5//////////8BCg4KAXgSCSEAAAAAAAD4PwoICgJvaxICEAEKEwoEbGlzdBILKgkKAwoBYQoCGAIKBgoEbm9uZRIJKgc6BXJhdyD/EiEyHwoOc2VraXNoby5zb3VyY2USDQoLb2t0YS5zeXN0ZW0SBCoCGCo=";

const LINES: [&str; 6] = [
    "@\n",
    "{\"a\":\"@\"}\n",
    "{\"a\":{\"b\":\"@\"\n",
    "[{\"a\":1},@]\n",
    "\"@\n",
    "} @ {\n",
];

const DOORS: [Door; 9] = [
    Door {
        target: "/ingest/auto",
        content_type: "text/plain",
        frame: ("", "", ""),
        pieces: &LINES,
        any_byte: true,
    },
    Door {
        target: "/services/collector/raw",
        content_type: "text/plain",
        frame: ("", "", ""),
        pieces: &LINES,
        any_byte: true,
    },
    Door {
        target: "/services/collector/event",
        content_type: "application/json",
        frame: ("", "", ""),
        pieces: &[
            "{\"event\":\"@\"}",
            "{\"event\":{\"a\":\"@\"}}\n",
            "{\"sourcetype\":\"linux.sshd\",\"event\":[\"@\"]}",
            "\n@\n",
            "{\"host\":\"@\"}",
            "{\"event\":\"\\ud800 @\"}",
        ],
        any_byte: true,
    },
    Door {
        target: "/_bulk",
        content_type: "application/x-ndjson",
        frame: ("", "", ""),
        pieces: &[
            "{\"index\":{}}\n{\"a\":\"@\"}\n",
            "{\"create\":{\"_index\":\"x\"}}\n\n@\n",
            "@\n",
            "{\"index\":7}\n{\"a\":\"@\"}\n",
            "{\"index\":{}}\r\n{\"event\":{\"dataset\":\"linux.sshd\"},\"a\":\"@\"}",
            "\n",
        ],
        any_byte: true,
    },
    Door {
        target: "/upload",
        content_type: "application/vnd.fdo.journal",
        frame: ("", "", ""),
        pieces: &[
            "MESSAGE=@\n",
            "A=1\nMESSAGE=@\n\n",
            "no field @\n",
            "A\n\x04\0\0\0\0\0\0\0@\n",
            "\n",
            "A\n\x00\0\0\0\0\0\0\0\n",
        ],
        any_byte: false,
    },
    Door {
        target: "/loki/api/v1/push",
        content_type: "application/json",
        frame: ("{\"streams\":[", ",", "]}"),
        pieces: &[
            "{\"stream\":{\"job\":\"linux.sshd\"},\"values\":[[\"1\",\"@\"],[\"2\",\"@\"]]}",
            "{\"stream\":{},\"values\":[{\"line\":\"@\"},[\"@\"],\"@\",[1,{\"a\":\"@\"}]]}",
            "{\"labels\":\"{}\",\"entries\":[{\"line\":\"@\"}]}",
            "\"@\"",
        ],
        any_byte: false,
    },
    Door {
        target: "/firehose",
        content_type: "application/json",
        frame: ("{\"records\":[", ",", "]}"),
        pieces: &["{\"data\":\"bQ==\"}", "{\"data\":\"@%\"}", "\"@\"", "{\"other\":\"@\"}"],
        any_byte: false,
    },
    Door {
        target: "/v1/logs",
        content_type: "application/json",
        frame: ("{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[", ",", "]}]}]}"),
        pieces: &[
            "{\"body\":{\"stringValue\":\"@\"}}",
            "{\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"@\",\"value\":{\"intValue\":\"1\"}}]}}}",
            "{\"body\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"@\"},{\"@\":1}]}}}",
            "{\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":\"@\"}}]}",
            "{\"severityText\":\"@\"}",
            "\"@\"",
        ],
        any_byte: false,
    },
    Door {
        target: "/okta/events",
        content_type: "application/json",
        frame: ("{\"data\":{\"events\":[", ",", "]}}"),
        pieces: &["{\"uuid\":\"@\"}", "\"@\"", "{\"uuid\":{\"a\":\"@\"}}"],
        any_byte: true,
    },
];

impl Door {
    /// A body of these pieces, and its marks.
    fn body(&self, picked: &[prop::sample::Index]) -> (Vec<u8>, Vec<String>) {
        let (before, between, after) = self.frame;
        let pieces: Vec<&str> = picked
            .iter()
            .map(|picked| self.pieces[picked.index(self.pieces.len())])
            .collect();
        let text = [before, &pieces.join(between), after].concat();
        let mut body = String::new();
        let mut marks = Vec::new();
        for character in text.chars() {
            if character == '@' {
                let mark = format!("m{:03}", marks.len());
                body.push_str(&mark);
                marks.push(mark);
            } else {
                body.push(character);
            }
        }
        (body.into_bytes(), marks)
    }

    fn request(&self, body: Vec<u8>) -> Request<Body> {
        Request::post(self.target)
            .header("authorization", "Bearer any-s3cret")
            .header("content-type", self.content_type)
            .body(body.into())
            .unwrap()
    }
}

/// Sends it to a new door; returns the status and all that was stored, one after the other.
async fn send(request: Request<Body>) -> (u16, Vec<u8>) {
    let bench = Bench::new(State::Guarded).await;
    let status = bench.send(request).await.status().as_u16();
    let stored: Vec<Vec<u8>> = bench.stored().await.into_iter().map(|(_, record)| record).collect();
    (status, stored.join(b"\n".as_slice()))
}

fn check<S: Strategy>(cases: u32, strategy: &S, test: impl AsyncFn(S::Value) -> Result<(), TestCaseError>) {
    let runtime = Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    });
    runner.run(strategy, |value| runtime.block_on(test(value))).unwrap();
}

fn has(haystack: &[u8], mark: &str) -> bool {
    haystack.windows(mark.len()).any(|window| window == mark.as_bytes())
}

fn picked() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 1..12)
}

#[test]
fn whatever_the_order_of_the_pieces_nothing_is_lost() {
    for door in &DOORS {
        check(40, &picked(), async |picked| {
            let (body, marks) = door.body(&picked);
            let (status, stored) = send(door.request(body.clone())).await;
            let text = String::from_utf8_lossy(&body);
            let is_blank = body.trim_ascii().is_empty();
            prop_assert!(is_blank || status < 300, "{} answered {status} to {text}", door.target);
            for mark in marks {
                prop_assert!(has(&stored, &mark), "{} lost {mark} of {text}", door.target);
            }
            Ok(())
        });
    }
}

#[test]
fn a_changed_byte_loses_nothing_that_was_not_changed() {
    let strategy = (picked(), any::<prop::sample::Index>(), any::<u8>(), 0..3);
    for door in &DOORS {
        check(80, &strategy, async |(picked, place, byte, change)| {
            let (mut body, marks) = door.body(&picked);
            let place = place.index(body.len());
            match change {
                0 => body[place] = byte,
                1 => body.insert(place, byte),
                _ => drop(body.remove(place)),
            }
            let (status, stored) = send(door.request(body.clone())).await;
            let text = String::from_utf8_lossy(&body);
            if 300 <= status {
                prop_assert_eq!(stored, b"", "{} kept a part of {}", door.target, text);
                prop_assert!(
                    status == 400 || status == 413,
                    "{} answered {status} to {text}",
                    door.target
                );
                return Ok(());
            }
            for mark in marks.iter().filter(|mark| door.any_byte && has(&body, mark)) {
                prop_assert!(has(&stored, mark), "{} lost {mark} of {text}", door.target);
            }
            Ok(())
        });
    }
}

#[test]
fn any_bytes_are_taken_or_refused_as_a_whole() {
    let types = [
        "application/json",
        "application/x-protobuf",
        "text/plain",
        "application/vnd.fdo.journal",
    ];
    let encodings = ["identity", "gzip", "zstd", "deflate", "snappy"];
    let targets: Vec<&str> = DOORS.iter().map(|door| door.target).collect();
    let strategy = (
        prop::collection::vec(any::<u8>(), 0..200),
        prop::sample::select(targets),
        prop::sample::select(types.to_vec()),
        prop::sample::select(encodings.to_vec()),
    );
    check(300, &strategy, async |(body, target, content_type, encoding)| {
        let request = Request::post(target)
            .header("authorization", "Bearer any-s3cret")
            .header("content-type", content_type)
            .header("content-encoding", encoding)
            .body(body.into())
            .unwrap();
        let (status, stored) = send(request).await;
        prop_assert!(matches!(status, 200..=299 | 400 | 413), "{target} answered {status}");
        prop_assert!(status < 300 || stored.is_empty());
        Ok(())
    });
}

#[test]
fn a_message_of_which_any_bytes_were_changed_is_taken_or_refused_as_a_whole() {
    let message = STANDARD.decode(OTLP).unwrap();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    check(300, &prop::collection::vec(change, 1..4), async |changes| {
        let mut body = message.clone();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        let request = Request::post("/v1/logs")
            .header("authorization", "Bearer any-s3cret")
            .header("content-type", "application/x-protobuf")
            .body(body.into())
            .unwrap();
        let (status, stored) = send(request).await;
        prop_assert!(status == 200 || status == 400, "answered {status}");
        prop_assert!(status == 200 || stored.is_empty());
        Ok(())
    });
}
