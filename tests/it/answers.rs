//! Working with what was found: answers to alerts, why a rule fires, and what a changed rule would find.

use serde_json::Value;

use crate::support::{Home, Service, eventually, root, sekisho, sekisho_with};

/// A request of a day of May 2020, whose address holds a pattern of attacks.
fn request(day: u32, path: &str) -> String {
    format!("198.51.100.9 - - [{day:02}/May/2020:10:00:00 +0900] \"GET {path} HTTP/1.1\" 404 1 \"-\" \"-\"")
}

const ALERTS: &str = "SELECT count(DISTINCT alert_id) FROM alerts WHERE rule_id = 'SK-602'";

/// Sends a request and waits until it is stored.
fn send(home: &Home, service: &Service, line: &str, stored: i64) {
    service.ingest("web.combined", line);
    home.wait_number("SELECT count(*) FROM events", stored);
}

fn alert_id(home: &Home) -> String {
    let rows = home.rows("SELECT alert_id FROM alerts WHERE rule_id = 'SK-602'");
    rows[0]["alert_id"].as_str().expect("it has one").to_owned()
}

fn wait_for_answers(service: &Service, taken_over: usize) {
    eventually("the answer is in force", || {
        let log = service.log();
        (log.matches("took over new rules and lists").count() > taken_over).then_some(())
    });
}

#[test]
fn what_was_harmless_is_not_told_again_while_anything_else_is_and_a_restart_knows_it() {
    let home = Home::of_the_firm("");
    let config = home.config();
    let service = home.start();
    send(&home, &service, &request(1, "/.git/config"), 1);
    home.wait_number(ALERTS, 1);
    let id = alert_id(&home);
    let before = service.log().matches("took over new rules and lists").count();

    let answered = sekisho([
        "feedback",
        id.get(..12).expect("an id is longer"),
        "--benign",
        "--note",
        "our own scanner",
        "--by",
        "mori",
        "-c",
        &config,
    ]);
    assert_eq!(answered.status, Some(0), "{answered:?}");
    wait_for_answers(&service, before);
    send(&home, &service, &request(3, "/.git/config"), 2);
    send(&home, &service, &request(5, "/.env"), 3);
    home.wait_number(ALERTS, 2);

    service.kill();
    let service = home.start();
    send(&home, &service, &request(7, "/.git/config"), 4);
    send(&home, &service, &request(9, "/shell.php"), 5);
    home.wait_number(ALERTS, 3);
    let listed = sekisho(["feedback", "list", "-c", &config]).ok();
    assert!(
        listed.contains("SK-602") && listed.contains("by mori") && listed.contains("(in force)"),
        "{listed}"
    );

    // Somebody was mistaken.
    let before = service.log().matches("took over new rules and lists").count();
    sekisho(["feedback", &id, "--confirmed", "-c", &config]).ok();
    wait_for_answers(&service, before);
    send(&home, &service, &request(11, "/.git/config"), 6);
    home.wait_number(ALERTS, 4);
    let listed = sekisho(["feedback", "list", "-c", &config]).ok();
    assert!(listed.contains("(taken back)"), "{listed}");
}

#[test]
fn what_cannot_be_answered_is_said() {
    let home = Home::of_the_firm("");
    let service = home.start();
    send(&home, &service, &request(1, "/.git/config"), 1);
    home.wait_number(ALERTS, 1);
    let (config, id) = (home.config(), alert_id(&home));

    for (arguments, expected) in [
        (vec!["feedback", "ffffffff", "--benign"], "no alert ffffffff"),
        (vec!["feedback", &id], "expected --benign, --confirmed or --note TEXT"),
        (vec!["feedback", &id, "--benign", "--days", "365"], "expected 1 to 90"),
    ] {
        let ran = sekisho(arguments.iter().copied().chain(["-c", &config]));
        assert_eq!(ran.status, Some(2), "{ran:?}");
        assert!(ran.err.contains(expected), "{ran:?}");
    }
}

/// Tables with three requests, and a rule that asks for something else than the shipped one.
fn stored(home: &Home) -> String {
    let log = home.path("access.log");
    let lines = [
        request(1, "/.git/config"),
        request(3, "/index.html"),
        request(5, "/login.php"),
    ]
    .join("\n");
    std::fs::write(&log, lines).expect("a log can be written");
    let data = home.path("stored").display().to_string();
    let file = format!("web.combined={}", log.display());
    sekisho(["replay", "--store", &data, &file]).ok();
    data
}

#[test]
fn a_changed_rule_is_compared_with_the_one_in_force_over_what_is_stored() {
    let home = Home::new("");
    let data = stored(&home);
    let folder = home.path("mine/exploit-pattern");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let rule = std::fs::read_to_string(root().join("rules/web/exploit-pattern/rule.yml")).expect("it is there");
    let changed = rule
        .replace("(env|git|", "(env|")
        .replace("'/boaform/'", "'/login.php'");
    assert_ne!(rule, changed);
    std::fs::write(folder.join("rule.yml"), changed).expect("a rule can be written");
    let folder = folder.display().to_string();

    let out = sekisho(["rules", "backtest", "--store", &data, &folder]).ok();

    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[0], "3 events; 1 alerts before, 1 after: 0 the same, 1 new, 1 gone",
        "{out}"
    );
    assert!(
        lines[1].starts_with("+ 2020-05-05") && lines[1].contains("198.51.100.9"),
        "{out}"
    );
    assert!(lines[2].starts_with("- 2020-05-01"), "{out}");
    let same = root().join("rules/web/exploit-pattern").display().to_string();
    let out = sekisho(["rules", "backtest", "--store", &data, &same]).ok();
    assert_eq!(
        out.trim(),
        "3 events; 1 alerts before, 1 after: 1 the same, 0 new, 0 gone"
    );
}

#[test]
fn why_a_rule_fires_is_said_of_a_stored_event_and_of_a_line() {
    let home = Home::new("");
    let data = stored(&home);
    let rows = sekisho([
        "sql",
        "--store",
        &data,
        "--format",
        "ndjson",
        "SELECT event_uid FROM events WHERE url LIKE '%git%'",
    ])
    .ok();
    let row: Value = serde_json::from_str(rows.trim()).expect("there is one");
    let id = row["event_uid"].as_str().expect("it has one");

    let of_stored = sekisho(["rules", "explain", id, "--store", &data]).ok();
    assert!(
        of_stored.contains("SK-602 Exploit pattern in a web request: FIRES"),
        "{of_stored}"
    );
    assert!(
        of_stored.contains("✓ secrets") && of_stored.contains("✗ shell"),
        "{of_stored}"
    );

    let arguments = ["rules", "explain", "-", "--source", "web.combined", "--rule", "SK-602"];
    let of_line = sekisho_with(arguments, &request(1, "/index.html")).ok();
    assert!(of_line.contains("does not match"), "{of_line}");
    assert!(of_line.contains("found \"/index.html\""), "{of_line}");
    let nothing = sekisho(["rules", "explain", "nonsense", "--store", &data]);
    assert_eq!(nothing.status, Some(2));
}
