//! The commands, as a person or a script uses them.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::load::Load;
use crate::support::{Home, eventually, ndjson, post, root, sample, samples, sekisho, sekisho_with};

/// What every alert tells.
const ALERT_FIELDS: &[&str] = &[
    "alert_id",
    "incident_id",
    "rule_id",
    "title",
    "severity",
    "score",
    "first_time",
    "last_time",
    "found_late",
    "user_name",
    "src_ip",
    "entity",
    "evidence",
    "reason",
    "attack",
    "lang",
];

fn path(path: &Path) -> String {
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// Replays with the context of the sample firm.
fn replay(more: &[&str]) -> Vec<Value> {
    let mut args = vec!["replay", "--zone", "Asia/Tokyo", "--lang", "en", "--alerts", "-"];
    args.extend([
        "--people",
        "sample-logs/people.csv",
        "--networks",
        "sample-logs/networks.csv",
    ]);
    args.extend([
        "--geo",
        "sample-logs/geo/City.mmdb",
        "--geo",
        "sample-logs/geo/ASN.mmdb",
    ]);
    args.extend(more);
    ndjson(&sekisho(args).ok())
}

#[test]
fn the_exit_status_is_0_when_all_is_well_1_when_something_is_wrong_and_2_when_it_could_not_run() {
    let home = Home::new("data = \"data\"\n");
    let wrong_rules = home.path("rules/broken");
    fs::create_dir_all(&wrong_rules).expect("a folder can be made");
    fs::write(wrong_rules.join("rule.yml"), "title: Nothing else\n").expect("a rule can be written");
    let (config, rules) = (home.config(), path(&home.path("rules")));
    for (status, args) in [
        (0, vec!["--version"]),
        (0, vec!["sources"]),
        (0, vec!["rules", "list"]),
        (0, vec!["check", "-c", &config]),
        (1, vec!["rules", "check", &rules]),
        (2, vec!["rules", "check", "no-such-folder"]),
        (2, vec!["no-such-command"]),
        (2, vec!["run", "-c", "no-such-file.toml"]),
        (2, vec!["check", "-c", &config, "--send", "nobody"]),
        (2, vec!["normalise", "no-such-file.log"]),
        (2, vec!["incidents", "list", "-c", &config]),
    ] {
        let ran = sekisho(&args);
        assert_eq!(ran.status, Some(status), "{args:?}: {ran:#?}");
        assert_eq!(
            status == 2,
            !ran.err.is_empty(),
            "what went wrong is told on standard error: {ran:#?}"
        );
    }
}

#[test]
fn settings_that_are_wrong_are_refused_with_file_line_and_key() {
    for (text, expected) in [
        (
            "lang = \"en\"\nzone = \"Tokio\"",
            &["sekisho.toml:2:", "`zone`", "\"Tokio\"", "Asia/Tokyo"],
        ),
        (
            "\n\n[listen]\nhttp = \"0.0.0.0:8600\"",
            &["sekisho.toml:4:", "`listen.http`", "0.0.0.0:8600", "allow_plaintext"],
        ),
        (
            "[source.\"linux.shd\"]",
            &["sekisho.toml:1:", "`source`", "\"linux.shd\"", "linux.sshd"],
        ),
        (
            "[store]\nepoch_sec = 1",
            &[
                "sekisho.toml:2:",
                "unknown field `epoch_sec`",
                "expected",
                "`epoch_secs`",
            ],
        ),
        (
            "[store]\nepoch_secs = \"1\"",
            &["sekisho.toml:2:", "invalid type", "\"1\"", "expected"],
        ),
        ("data = ", &["sekisho.toml:1:", "expected", "", ""]),
    ] {
        let home = Home::new(text);
        for command in ["run", "check"] {
            let ran = sekisho([command, "-c", &home.config()]);
            assert_eq!(ran.status, Some(2), "{ran:#?}");
            for part in expected {
                assert!(ran.err.contains(part), "no {part:?} in {:?}", ran.err);
            }
        }
    }
}

#[test]
fn an_unknown_source_or_table_is_told_with_the_known_ones() {
    for command in ["normalise", "replay"] {
        let ran = sekisho([command, "--source", "linux.ssh", "README.md"]);
        assert_eq!(ran.status, Some(2), "{ran:#?}");
        assert!(
            ran.err.contains("\"linux.ssh\"") && ran.err.contains("linux.sshd"),
            "{ran:#?}"
        );
    }
    let home = Home::new("data = \"data\"\n");
    let ran = home.sql("csv", "SELECT 1 FROM events");
    assert_eq!(ran.status, Some(2), "nothing is stored yet: {ran:#?}");
    let log = sample("server", "linux.sshd");
    let data = path(&home.path("data"));
    sekisho(["replay", "--year", "2026", "--store", &data, &path(&log.path)]).ok();
    let ran = home.sql("csv", "SELECT 1 FROM event");
    assert_eq!(ran.status, Some(2), "{ran:#?}");
    for name in ["event", "events", "rejects", "alerts_latest"] {
        assert!(ran.err.contains(name), "{ran:#?}");
    }
    assert_eq!(
        home.number("SELECT count(*) FROM events"),
        i64::try_from(log.text().lines().count()).expect("few")
    );
    for query in [
        "DROP TABLE events",
        "INSERT INTO events SELECT * FROM events",
        "COPY events TO 'x.csv'",
    ] {
        assert_eq!(home.sql("csv", query).status, Some(2), "{query}");
    }
}

#[test]
fn every_envelope_comes_back_with_its_id_also_when_its_record_cannot_be_read() {
    let good = sample("server", "web.combined")
        .text()
        .lines()
        .next()
        .expect("it has a line")
        .to_owned();
    let input: String = [
        json!({"id": "a", "source": "web.combined", "raw": good}),
        json!({"id": 2, "source": "entra.signin", "raw": "{\"time\": "}),
        json!({"id": {"deep": 3}, "source": "linux.sshd", "raw": "no log line"}),
        json!({"id": "d", "source": "no.such.source", "raw": good}),
    ]
    .iter()
    .map(|envelope| format!("{envelope}\n"))
    .collect();
    let rows = ndjson(&sekisho_with(["normalise", "--envelope"], &input).ok());
    let told: Vec<(&Value, &Value)> = rows.iter().map(|row| (&row["id"], &row["parse_status"])).collect();
    assert_eq!(
        told,
        [
            (&json!("a"), &json!("ok")),
            (&json!(2), &json!("rejected")),
            (&json!({"deep": 3}), &json!("rejected")),
            (&json!("d"), &json!("rejected")),
        ]
    );
    for row in &rows[1..] {
        assert!(row["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{row}");
        assert!(row["raw"].is_string(), "{row}");
    }
}

#[test]
fn several_files_are_judged_as_one_history_and_each_alert_tells_all() {
    let files: Vec<String> = samples("leaver")
        .iter()
        .map(|log| format!("{}={}", log.source, path(&log.path)))
        .collect();
    let alerts = replay(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let rules: BTreeSet<&str> = alerts.iter().filter_map(|alert| alert["rule_id"].as_str()).collect();
    assert_eq!(rules, ["SK-401", "SK-404", "SK-504"].into());
    // That the account has no second factor is told of the account, apart from what was done with it.
    let (posture, findings): (Vec<&Value>, Vec<&Value>) = alerts.iter().partition(|alert| alert["rule_id"] == "SK-404");
    assert_eq!(posture.len(), 1);
    for alert in &findings {
        assert_eq!(
            alert["incident_id"], findings[0]["incident_id"],
            "both are one incident"
        );
    }
    for alert in &alerts {
        for field in ALERT_FIELDS {
            assert!(alert.get(field).is_some(), "no {field}: {alert}");
        }
        assert_eq!(alert["user_name"], "hana.sato@example.co.jp");
        assert_eq!(alert["src_ip"], "203.0.113.70");
        assert_eq!(alert["lang"], "en");
        assert_eq!(alert["found_late"], json!(false), "a replay is never late");
        assert!(alert["attack"].as_array().is_some_and(|attack| !attack.is_empty()));
    }
    let sources: BTreeSet<&str> = alerts
        .iter()
        .flat_map(|alert| alert["evidence"].as_array().expect("evidence is a list"))
        .filter_map(|event| event["source"].as_str())
        .collect();
    assert_eq!(
        sources,
        ["entra.signin", "m365.audit"].into(),
        "the evidence is of both files"
    );

    let reversed: Vec<&str> = files.iter().rev().map(String::as_str).collect();
    let ids = |alerts: &[Value]| {
        alerts
            .iter()
            .map(|alert| alert["alert_id"].to_string())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        ids(&replay(&reversed)),
        ids(&alerts),
        "the order on the command line does not matter"
    );
}

#[test]
fn the_shipped_rules_have_no_problems_and_their_tests_pass() {
    let checked = sekisho(["rules", "check"]).ok();
    assert!(checked.contains("0 problems"), "{checked}");
    let tested = sekisho(["rules", "test"]).ok();
    assert!(
        tested.contains(", 0 failed") && !tested.starts_with("0 passed"),
        "{tested}"
    );
    let from_disk = sekisho(["rules", "test", &path(&root().join("rules"))]).ok();
    assert_eq!(from_disk, tested, "what is shipped is what lies in the folder");
}

#[test]
fn with_a_token_only_its_holder_may_send_and_only_its_source() {
    let home = Home::of_the_firm("");
    let service = home.start();
    let body = Load::new().body(0).text;
    let send = |token: Option<&str>, source: &str| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        post(service.http, &format!("/ingest/{source}"), &headers, body.as_bytes())
            .expect("there is an answer")
            .status
    };
    assert_eq!(
        send(None, "entra.signin"),
        200,
        "without any token the loopback address may send"
    );

    let token = sekisho(["token", "new", "-c", &home.config(), "entra.signin"]).ok();
    let token = token.trim();
    eventually("the token counts", || (send(None, "entra.signin") == 401).then_some(()));
    assert_eq!(send(Some("sekisho_wrong"), "entra.signin"), 401);
    assert_eq!(send(Some(token), "m365.audit"), 403);
    assert_eq!(send(Some(token), "entra.signin"), 200);
    let any = sekisho(["token", "new", "-c", &home.config(), "any"]).ok();
    eventually("the second token counts", || {
        (send(Some(any.trim()), "m365.audit") == 200).then_some(())
    });
    assert_eq!(
        sekisho(["token", "new", "-c", &home.config(), "no.such.source"]).status,
        Some(2)
    );
}

#[test]
fn an_unknown_source_in_the_path_is_answered_with_the_known_ones() {
    let home = Home::of_the_firm("");
    let service = home.start();
    let answer = post(service.http, "/ingest/entra.sign-in", &[], b"{}").expect("there is an answer");
    assert_eq!(answer.status, 404);
    assert!(
        answer.body["error"]
            .as_str()
            .is_some_and(|error| error.contains("entra.signin")),
        "{answer:?}"
    );
}

#[test]
fn a_leaver_who_is_entered_while_the_service_runs_is_found() {
    let home = Home::of_the_firm("");
    let service = home.start();
    let records: Vec<String> = sample("administrator", "entra.signin")
        .text()
        .lines()
        .filter(|line| line.contains("\"mei.kato@example.co.jp\""))
        .map(str::to_owned)
        .collect();
    let before = format!("{}\n", records[0]);
    service.ingest("entra.signin", &before);
    home.wait_number("SELECT count(*) FROM events", 1);
    assert_eq!(home.number("SELECT count(*) FROM alerts"), 0, "she is still here");

    let people = fs::read_to_string(home.path("people.csv")).expect("the list is there");
    let told = || service.log().matches("took over new rules and lists").count();
    let taken = told();
    fs::write(
        home.path("people.csv"),
        format!("{people}new@example.co.jp,,member,last spring,,false\n"),
    )
    .expect("a list can be written");
    eventually("a wrong list is told", || {
        service.log().contains("those in force stay").then_some(())
    });
    let edited = people.replace("member,2016-04-01,,", "member,2016-04-01,2026-03-31,");
    assert_ne!(people, edited);
    fs::write(home.path("people.new"), edited).expect("a list can be written");
    fs::rename(home.path("people.new"), home.path("people.csv")).expect("a list can be replaced");
    eventually("the list counts", || (told() > taken).then_some(()));

    let after = before
        .replace("23:53:25", "23:58:25")
        .replace("\"id\": \"", "\"id\": \"f");
    assert_ne!(before, after);
    service.ingest("entra.signin", &after);
    home.wait_number("SELECT count(*) FROM events", 2);
    home.wait_number("SELECT count(*) FROM alerts_latest WHERE rule_id = 'SK-401'", 1);
    let found = home.rows("SELECT user_name FROM alerts_latest");
    assert_eq!(found, [json!({"user_name": "mei.kato@example.co.jp"})]);
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn a_followed_file_is_read_once_through_rotation_and_restart() {
    let home = Home::of_the_firm("[[file]]\npath = \"access.log\"\nsource = \"web.combined\"\n");
    let log = home.path("access.log");
    let line = |number: usize| {
        format!(
            "203.0.113.9 - - [12/Nov/2026:10:00:00 +0900] \"GET /page/{number} HTTP/1.1\" 200 1 \"-\" \"Mozilla/5.0\"\n"
        )
    };
    let append = |numbers: std::ops::Range<usize>| {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the log can be written");
        file.write_all(numbers.map(line).collect::<String>().as_bytes())
            .expect("the log can be written");
    };
    let wait = |count: i64| home.wait_number("SELECT count(*) FROM events", count);

    fs::write(&log, "").expect("the log can be made");
    let service = home.start();
    append(0..40);
    wait(40);
    append(40..50);
    fs::rename(&log, home.path("access.log.1")).expect("the log can be rotated");
    append(50..70);
    wait(70);
    service.kill();
    append(70..90);
    let service = home.start();
    wait(90);
    assert_eq!(service.stop().0, Some(0));

    let urls = home.rows("SELECT url FROM events");
    let found: BTreeSet<String> = urls
        .iter()
        .filter_map(|row| Some(row["url"].as_str()?.to_owned()))
        .collect();
    let expected: BTreeSet<String> = (0..90).map(|number| format!("/page/{number}")).collect();
    assert_eq!(found, expected);
    assert_eq!(urls.len(), expected.len(), "a line is stored twice");
}
