//! The sample firm's three incidents, sent to a running service.

use std::collections::BTreeSet;

use crate::support::{Collector, Home, Post, Sample, Service, eventually, gzip, post, samples, sekisho};

/// The channels of the sample settings.
pub(crate) const CHANNELS: &[&str] = &["en", "ja", "slack"];
/// Those that tell which incident they tell of.
pub(crate) const WEBHOOKS: &[&str] = &["en", "ja"];
/// Who the three incidents are about.
pub(crate) const SUSPECTS: [&str; 3] = [
    "admin.mori@example.co.jp",
    "hana.sato@example.co.jp",
    "kenji.tanaka@example.co.jp",
];

/// The logs that hold the three incidents.
pub(crate) fn logs() -> Vec<Sample> {
    ["leaver", "mail", "administrator"]
        .iter()
        .flat_map(|folder| samples(folder))
        .collect()
}

/// Sends a log through the door its source would use; when this returns, it was taken or given away.
pub(crate) fn send(service: &Service, log: &Sample) {
    let text = log.text();
    if !log.is_json() {
        return service.syslog(&text);
    }
    let path = format!("/ingest/{}", log.source);
    let answer = if log.source == "m365.audit" {
        let packed = gzip(text.as_bytes());
        post(service.http, &path, &[("content-encoding", "gzip")], &packed)
    } else {
        post(service.http, &path, &[], text.as_bytes())
    }
    .expect("there is an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let lines = text.lines().count();
    assert_eq!(answer.body["accepted"], lines, "{}", log.path.display());
}

/// How many rows the logs become: what the expected files hold, without what was sent twice.
pub(crate) fn rows() -> i64 {
    let mut unique = BTreeSet::new();
    for log in logs() {
        let expected = log.path.with_file_name(format!("{}.expected.ndjson", log.source));
        let text = std::fs::read_to_string(crate::support::root().join(expected)).expect("it is there");
        for (number, row) in crate::support::ndjson(&text).into_iter().enumerate() {
            // Only records with ids of their own can be recognised when they come again.
            let uid = row["event_uid"]
                .as_str()
                .map_or_else(|| format!("{}:{number}", log.path.display()), str::to_owned);
            unique.insert(uid);
        }
    }
    i64::try_from(unique.len()).expect("there are few")
}

/// Waits until every row is stored and every message was delivered.
pub(crate) fn settle(home: &Home, collector: &Collector) {
    home.wait_number("SELECT count(*) FROM events", rows());
    for channel in CHANNELS {
        collector.wait(channel, "three incidents are told", |posts| {
            posts.len() >= SUSPECTS.len()
        });
    }
    eventually("no message waits", || {
        let listed = sekisho(["outbox", "list", "-c", &home.config()]).ok();
        let states = listed.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2));
        let states: Vec<&str> = states.collect();
        let told = states.iter().filter(|&&state| state == "delivered").count();
        let settled = states.iter().all(|&state| state == "delivered" || state == "held");
        (settled && told >= CHANNELS.len() * SUSPECTS.len()).then_some(())
    });
}

/// The incidents that a channel was told of, with whom each is about; fails unless all is signed.
pub(crate) fn told(posts: &[Post]) -> BTreeSet<(String, String)> {
    posts
        .iter()
        .map(|post| {
            assert!(post.is_signed(), "{post:?}");
            let incident = &post.json()["data"]["incident"];
            (
                incident["entity"].as_str().expect("it has one").to_owned(),
                post.incident_id(),
            )
        })
        .collect()
}
