//! The cases of `cases/`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

use crate::bench::{Bench, State};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows.
    name: String,
    /// `guarded`, `open`, `full` or `ending`.
    #[serde(default)]
    door: String,
    /// Method and target.
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// Or in base64.
    #[serde(default)]
    body_base64: String,
    /// Whether the body is packed with gzip first.
    #[serde(default)]
    gzip: bool,
    status: u16,
    /// Headers of the answer; `*` is any value.
    #[serde(default)]
    answer_headers: BTreeMap<String, String>,
    /// The whole body of the answer,
    answer: Option<String>,
    /// or in base64,
    answer_base64: Option<String>,
    /// or a part of it.
    answer_has: Option<String>,
    /// Source and record, as `source | record`, sorted by source.
    #[serde(default)]
    records: Vec<String>,
}

impl Case {
    fn state(&self) -> State {
        match self.door.as_str() {
            "" | "guarded" => State::Guarded,
            "open" => State::Open,
            "full" => State::Full,
            "ending" => State::Ending,
            other => panic!("{}: no door is {other:?}", self.name),
        }
    }

    fn request(&self) -> Request<Body> {
        let (method, target) = self.request.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut body = match self.body_base64.as_str() {
            "" => self.body.clone().into_bytes(),
            encoded => STANDARD.decode(encoded).unwrap(),
        };
        if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&body).unwrap();
            body = encoder.finish().unwrap();
        }
        request.body(body.into()).unwrap()
    }

    /// Sends it; returns what is not as it should be.
    async fn differences(&self) -> Vec<String> {
        let bench = Bench::new(self.state()).await;
        let response = bench.send(self.request()).await;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let text = String::from_utf8_lossy(&body);
        let mut differences = Vec::new();
        if head.status != self.status {
            differences.push(format!("status {}, expected {}: {text}", head.status, self.status));
        }
        for (name, expected) in &self.answer_headers {
            let found = head.headers.get(name).map(|value| value.to_str().unwrap());
            if found.is_none_or(|found| expected != "*" && found != expected) {
                differences.push(format!("header {name}: {found:?}, expected {expected:?}"));
            }
        }
        let whole = self
            .answer
            .as_ref()
            .is_some_and(|expected| !same_answer(expected, &text));
        let encoded = self
            .answer_base64
            .as_ref()
            .is_some_and(|expected| *expected != STANDARD.encode(&body));
        let part = self
            .answer_has
            .as_ref()
            .is_some_and(|expected| !text.contains(expected.as_str()));
        if whole || encoded || part {
            differences.push(format!("answer {text} = {}", STANDARD.encode(&body)));
        }
        let line = |(source, record): (String, Vec<u8>)| format!("{source} | {}", String::from_utf8_lossy(&record));
        let stored: Vec<String> = bench.stored().await.into_iter().map(line).collect();
        if stored != self.records {
            differences.push(format!("records {stored:#?}, expected {:#?}", self.records));
        }
        differences
    }
}

/// The same text, or the same JSON whatever the order of its fields.
fn same_answer(expected: &str, found: &str) -> bool {
    let json = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    expected == found || json(expected).is_some_and(|expected| Some(expected) == json(found))
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doors/cases");
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

fn cases(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.case
}

#[tokio::test]
async fn every_case_is_answered_and_stored_as_it_says() {
    let mut count = 0;
    let mut failed = Vec::new();
    for path in files() {
        let cases = cases(&path);
        count += cases.len();
        for case in cases {
            let told = |difference| format!("{}: {}: {difference}", path.display(), case.name);
            failed.extend(case.differences().await.into_iter().map(told));
        }
    }
    assert!(150 <= count, "only {count} cases");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
