//! The way of a record: in by HTTP or syslog, into the tables, and as a message to people.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::live::{CHANNELS, SUSPECTS, WEBHOOKS, logs, rows, send, settle, told};
use crate::support::{Collector, Home, Post, get};

/// A record that is cut off.
const BROKEN: &str = "{\"time\": \"2026-09-30T00:00:00Z\", \"properties\": ";
/// The longest that a stop without work may take on a busy machine.
const STOP_MAX: Duration = Duration::from_secs(20);

/// What a person must learn from each message: who, when, where, why, and what to do.
const ENGLISH: [(&str, &[&str]); 3] = [
    (
        "hana.sato@example.co.jp",
        &[
            "A leaver's account was used",
            "30 Sep 2026",
            "Osaka, Japan",
            "203.0.113.70",
            "31 March 2026",
            "Mass download",
            "Disable the account",
        ],
    ),
    (
        "kenji.tanaka@example.co.jp",
        &[
            "14 Oct 2026",
            "17:58",
            "Lagos, Nigeria",
            "198.51.100.70",
            "tried many accounts",
            "recipients",
            "reset the password",
        ],
    ),
    (
        "admin.mori@example.co.jp",
        &[
            "Impossible travel",
            "13 Nov 2026",
            "Tokyo, Japan",
            "Amsterdam, Netherlands",
            "198.51.100.10",
            "outside office hours",
            "Call the person",
        ],
    ),
];
const JAPANESE: [(&str, &[&str]); 3] = [
    (
        "hana.sato@example.co.jp",
        &[
            "退職者アカウントの使用",
            "2026年9月30日",
            "Osaka（日本）",
            "203.0.113.70",
            "2026年3月31日に退職",
            "大量ダウンロード",
            "停止",
        ],
    ),
    (
        "kenji.tanaka@example.co.jp",
        &[
            "2026年10月14日",
            "17:58",
            "ナイジェリア",
            "198.51.100.70",
            "多数のアカウントを試した送信元からのサインイン成功",
            "件の宛先",
            "パスワード",
        ],
    ),
    (
        "admin.mori@example.co.jp",
        &[
            "移動不可能なサインイン",
            "2026年11月13日",
            "Tokyo（日本）",
            "オランダ",
            "198.51.100.10",
            "営業時間外",
            "本人に電話",
        ],
    ),
];

/// What the messages of a channel say about somebody.
fn text_about(posts: &[Post], who: &str) -> String {
    let about = posts
        .iter()
        .filter(|post| post.body.contains(&format!("：{who}")) || post.body.contains(&format!(": {who}")));
    about.map(|post| post.json().to_string()).collect()
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|letter| ('ぁ'..='ん').contains(&letter))
}

fn assert_text(posts: &[Post], expected: &[(&str, &[&str])]) {
    for (who, parts) in expected {
        let text = text_about(posts, who);
        for part in *parts {
            assert!(text.contains(part), "no {part:?} in what is said about {who}: {text}");
        }
    }
}

fn assert_messages(collector: &Collector) {
    let [english, japanese, slack] = [CHANNELS[0], CHANNELS[1], CHANNELS[2]].map(|channel| collector.posts(channel));
    let told = WEBHOOKS
        .iter()
        .map(|channel| told(&collector.posts(channel)))
        .collect::<Vec<_>>();
    let suspects: Vec<&str> = told[0].iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(suspects, SUSPECTS, "each incident is told, and nothing else");
    assert_eq!(told[0], told[1], "both channels hear of the same incidents");
    let ids: BTreeSet<&str> = english
        .iter()
        .chain(&japanese)
        .map(|post| post.header("webhook-id"))
        .collect();
    assert_eq!(
        ids.len(),
        english.len() + japanese.len(),
        "each message has an id of its own"
    );
    for post in english.iter().chain(&japanese) {
        assert_eq!(post.json()["data"]["resent"], json!(false), "nothing was told twice");
        assert!(post.body.len() < 20_000, "a webhook fits its receivers");
    }

    assert_text(&english, &ENGLISH);
    assert_text(&japanese, &JAPANESE);
    assert_text(&slack, &JAPANESE);
    let text = |post: &Post| post.json()["data"]["text"].to_string();
    assert!(!english.iter().any(|post| is_japanese(&text(post))));
    assert!(japanese.iter().all(|post| is_japanese(&text(post))));
    for post in &slack {
        let message = post.json();
        assert!(is_japanese(&message["text"].to_string()));
        assert_eq!(message["blocks"][0]["type"], "header", "{message}");
    }
}

fn assert_tables(home: &Home) {
    let count = rows();
    assert_eq!(home.rows("SELECT count(*) AS n FROM events"), [json!({"n": count})]);
    let csv = home
        .sql("csv", "SELECT count(*) AS n, min(source) AS s FROM events")
        .ok();
    assert_eq!(
        csv.lines().collect::<Vec<_>>(),
        ["n,s", &format!("{count},entra.signin")]
    );
    let table = home.sql("table", "SELECT count(*) AS n FROM events").ok();
    let cells: Vec<&str> = table.split(['|', '\n']).map(str::trim).collect();
    assert!(
        cells.contains(&"n") && cells.contains(&count.to_string().as_str()),
        "{table}"
    );

    let rejects = home.rows("SELECT source, reason, raw, raw_bytes FROM rejects");
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    assert_eq!(rejects[0]["source"], "entra.signin");
    assert_eq!(rejects[0]["raw"], BROKEN);
    assert_eq!(rejects[0]["raw_bytes"], BROKEN.len());
    assert!(
        rejects[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.starts_with("not JSON")),
        "{rejects:?}"
    );

    let found = home.rows(
        "SELECT DISTINCT entity FROM alerts_latest WHERE incident_severity IN ('high', 'critical') ORDER BY entity",
    );
    let found: Vec<&str> = found.iter().filter_map(|row| row["entity"].as_str()).collect();
    assert_eq!(found, SUSPECTS);
}

#[test]
fn three_incidents_are_stored_and_told_in_both_languages() {
    let collector = Collector::start();
    let home = Home::with_channels(&collector);
    let service = home.start();
    assert_eq!(get(service.http, "/healthz").expect("it answers").status, 200);

    service.ingest("entra.signin", BROKEN);
    for log in logs() {
        send(&service, &log);
    }
    settle(&home, &collector);

    assert_messages(&collector);
    assert_tables(&home);
    let (status, took) = service.stop();
    assert_eq!(status, Some(0));
    assert!(took < STOP_MAX, "it took {took:?} to stop");
}

#[test]
fn a_body_that_is_sent_again_is_taken_once() {
    let home = Home::of_the_firm("");
    let service = home.start();
    let log = logs().remove(0);
    for _ in 0..3 {
        send(&service, &log);
    }
    service.ingest(
        "web.combined",
        "198.51.100.9 - - [12/Nov/2026:10:00:00 +0900] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"",
    );
    home.wait_number("SELECT count(*) FROM events WHERE source = 'web.combined'", 1);

    let expected = i64::try_from(log.text().lines().count()).expect("it is short");
    assert_eq!(
        home.number("SELECT count(*) FROM events WHERE source <> 'web.combined'"),
        expected
    );
}
