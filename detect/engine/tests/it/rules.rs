//! What becomes of rule folders: what runs, what is a problem, and what is told.

use std::collections::BTreeMap;
use std::path::Path;

use sekisho_detect::{Engine, ProblemKind, RuleFolder, RuleSet, Surroundings};
use sekisho_model::{Detection, EntityKind};
use serde_json::{Value, json};

use crate::common::{at, batch, engine, row, rule_set};

/// `(rule, entity, evidence)` of each detection, sorted.
fn told(found: Vec<Detection>) -> Vec<(String, String, Vec<String>)> {
    let mut told: Vec<_> = found
        .into_iter()
        .map(|detection| {
            let evidence = detection.evidence.into_iter().map(|event| event.event_uid).collect();
            (
                detection.rule.id.to_string(),
                detection.entity.name.to_string(),
                evidence,
            )
        })
        .collect();
    told.sort();
    told
}

/// Feeds these rows at once.
fn judge(rules: &[&str], rows: &[Value]) -> Vec<Detection> {
    let rows: Vec<_> = rows.iter().cloned().map(row).collect();
    engine(rules).detect(&batch(&rows))
}

fn sign_in(uid: &str, minute: i64, user: &str, address: &str, status: i64) -> Value {
    json!({
        "event_uid": uid, "time": at(minute * 60), "source": "linux.sshd", "activity": "logon",
        "user_name": user, "src_ip": address, "status_id": status,
    })
}

const FAILURE: &str = "title: Failure\nname: failure\nid: SK-910\ndetection: {s: {status_id: 2}, condition: s}\n";

#[test]
fn a_plain_rule_tells_its_rows_by_entity_and_episode() {
    let rule =
        "title: Ok\nid: SK-001\nlevel: high\ntags: [attack.t1078]\ndetection: {s: {status_id: 1}, condition: s}\n";
    let rows = [
        sign_in("a", 0, "hana", "192.0.2.1", 1),
        sign_in("b", 50, "hana", "192.0.2.2", 1),
        sign_in("c", 300, "hana", "192.0.2.2", 1),
        sign_in("d", 10, "taro", "192.0.2.2", 1),
        sign_in("e", 11, "taro", "192.0.2.2", 2),
        json!({"event_uid": "f", "time": at(0), "status_id": 1, "src_ip": "192.0.2.9"}),
        json!({"event_uid": "g", "time": at(0), "status_id": 1}),
        json!({"event_uid": "h", "time": at(0), "status_id": 1, "user_name": "hana2", "person": "hana"}),
    ];

    let found = judge(&[rule], &rows);

    assert_eq!(found[0].rule.attack, ["T1078"]);
    assert_eq!(
        (found[0].rule.title.en.as_str(), found[0].rule.response.en.as_str()),
        ("Ok", "Look.")
    );
    let kinds: BTreeMap<String, EntityKind> = found
        .iter()
        .map(|detection| (detection.entity.name.to_string(), detection.entity.kind))
        .collect();
    assert_eq!(kinds["192.0.2.9"], EntityKind::Source);
    assert_eq!(
        (kinds["unknown"], kinds["hana"]),
        (EntityKind::Other, EntityKind::Person)
    );
    let id = || "SK-001".to_owned();
    let one = |entity: &str, uids: &[&str]| {
        (
            id(),
            entity.to_owned(),
            uids.iter().map(|uid| (*uid).to_owned()).collect(),
        )
    };
    assert_eq!(
        told(found),
        [
            one("192.0.2.9", &["f"]),
            one("hana", &["a", "h", "b"]),
            one("hana", &["c"]),
            one("taro", &["d"]),
            one("unknown", &["g"]),
        ]
    );
}

#[test]
fn a_count_tells_every_event_of_the_window_once_and_weighs_repetitions() {
    let count = "title: Many\nid: SK-001\ncorrelation: {type: event_count, rules: [failure], group-by: [src_ip], timespan: 10m, condition: {gte: 5}}\n";
    let mut repeated = sign_in("b", 5, "taro", "192.0.2.1", 2);
    repeated["item_count"] = json!(3);
    let mut engine = engine(&[count, FAILURE]);

    let first = [row(sign_in("a", 0, "hana", "192.0.2.1", 2)), row(repeated)];
    assert_eq!(engine.detect(&batch(&first)), []);
    let late = [
        row(sign_in("c", 8, "hana", "192.0.2.1", 2)),
        row(sign_in("d", 8, "hana", "192.0.2.2", 2)),
    ];
    let found = engine.detect(&batch(&late));

    assert_eq!(found[0].entity.kind, EntityKind::Source);
    assert_eq!(found[0].gap.as_secs(), 600);
    assert_eq!(found[0].facts["count"], 5);
    assert_eq!(found[0].facts["threshold"], 5);
    assert_eq!(found[0].facts["window_secs"], 600);
    assert_eq!(found[0].facts["group"], json!({"src_ip": "192.0.2.1"}));
    let expected = (
        "SK-001".to_owned(),
        "192.0.2.1".to_owned(),
        vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
    );
    assert_eq!(told(found), [expected]);
    assert_eq!(
        engine.detect(&batch(&first)),
        [],
        "a row that comes again is no second event"
    );
}

#[test]
fn the_last_event_of_a_chain_says_who_is_suspected() {
    let rule = "
title: Success after failures
id: SK-001
x-sekisho: {entity: user_name}
correlation: {type: temporal_ordered, rules: [many, success], group-by: [src_ip], timespan: 1h}
---
title: Many
name: many
correlation: {type: value_count, rules: [failure], group-by: [src_ip], timespan: 10m, condition: {gte: 2, field: user_name}}
---
title: Success
name: success
detection: {s: {status_id: 1}, condition: s}
";
    let mut engine = engine(&[rule, FAILURE]);
    let rows = |rows: &[Value]| batch(&rows.iter().cloned().map(row).collect::<Vec<_>>());

    let nothing = engine.detect(&rows(&[
        sign_in("early", 0, "kenji", "192.0.2.1", 1),
        sign_in("elsewhere", 20, "kenji", "192.0.2.2", 1),
        sign_in("c", 30, "kenji", "192.0.2.1", 1),
        sign_in("d", 31, "yuki", "192.0.2.1", 1),
    ]));
    assert_eq!(nothing, []);
    let found = engine.detect(&rows(&[
        sign_in("a", 10, "hana", "192.0.2.1", 2),
        sign_in("b", 11, "taro", "192.0.2.1", 2),
    ]));

    let one = |entity: &str, last: &str| {
        (
            "SK-001".to_owned(),
            entity.to_owned(),
            vec!["a".to_owned(), "b".to_owned(), last.to_owned()],
        )
    };
    assert_eq!(told(found), [one("kenji", "c"), one("yuki", "d")]);
}

#[test]
fn aliases_join_events_whose_fields_differ() {
    let rule = "
title: Given and used
id: SK-001
correlation:
  type: temporal
  rules: [granted, used]
  group-by: [who]
  timespan: 10m
  aliases: {who: {granted: actor_name, used: user_name}}
---
title: Granted
name: granted
detection: {s: {activity: role_assign}, condition: s}
---
title: Used
name: used
detection: {s: {activity: logon}, condition: s}
";
    let rows = [
        json!({"event_uid": "a", "time": at(0), "activity": "role_assign", "actor_name": "hana", "user_name": "taro"}),
        json!({"event_uid": "b", "time": at(60), "activity": "logon", "user_name": "hana"}),
        json!({"event_uid": "c", "time": at(60), "activity": "logon", "user_name": "taro"}),
    ];

    let found = judge(&[rule], &rows);

    assert_eq!(found[0].facts["group"], json!({"who": "hana"}));
    assert_eq!(
        told(found),
        [(
            "SK-001".to_owned(),
            "hana".to_owned(),
            vec!["a".to_owned(), "b".to_owned()]
        )]
    );
}

#[test]
fn rules_that_are_referred_to_speak_only_if_asked() {
    let count = "title: Many\nid: SK-001\nGENERATE\ncorrelation: {type: event_count, rules: [failure], group-by: [user_name], timespan: 10m, condition: {gte: 9}}\n";
    let rows = [sign_in("a", 0, "hana", "192.0.2.1", 2)];

    assert_eq!(
        told(judge(&[&count.replace("GENERATE", "status: test"), FAILURE], &rows)),
        []
    );
    assert_eq!(
        told(judge(&[&count.replace("GENERATE", "generate: true"), FAILURE], &rows)).len(),
        1
    );
    assert_eq!(told(judge(&[FAILURE], &rows)).len(), 1);
}

#[test]
fn a_filter_keeps_a_rule_quiet() {
    let filter = "title: Not the probe\nfilter: {rules: [failure], probe: {src_ip: 192.0.2.1}, condition: not probe}\n";
    let every = "title: Not the probe\nfilter: {rules: any, probe: {src_ip: 192.0.2.1}, condition: not probe}\n";
    let rows = [
        sign_in("a", 0, "hana", "192.0.2.1", 2),
        sign_in("b", 0, "hana", "192.0.2.2", 2),
    ];

    for filter in [filter, every] {
        let expected = ("SK-910".to_owned(), "hana".to_owned(), vec!["b".to_owned()]);
        assert_eq!(told(judge(&[FAILURE, filter], &rows)), [expected]);
    }
}

#[test]
fn a_rule_is_about_its_log_source_only() {
    let rule = "title: t\nid: SK-001\nlogsource: {product: linux, service: sshd}\ndetection: {s: {status_id: 1}, condition: not s}\n";
    let mut elsewhere = sign_in("a", 0, "hana", "192.0.2.1", 2);
    elsewhere["source"] = json!("web.combined");

    let found = judge(&[rule], &[elsewhere, sign_in("b", 0, "hana", "192.0.2.1", 2)]);

    assert_eq!(told(found)[0].2, ["b"]);
}

#[test]
fn words_of_the_record_and_words_for_numbers_are_found() {
    let words = "title: t\nid: SK-001\nlogsource: {product: linux, service: sshd}\ndetection: {keywords: ['maximum AUTHENTICATION', 'nothing'], condition: keywords}\n";
    let status = "title: t\nid: SK-002\nlogsource: {product: azure, service: signinlogs}\ndetection: {s: {Status: failure}, condition: s}\n";
    let mut record = sign_in("a", 0, "hana", "192.0.2.1", 2);
    record["raw"] = json!("error: maximum authentication attempts exceeded");
    let mut entra = sign_in("b", 0, "hana", "192.0.2.1", 2);
    entra["source"] = json!("entra.signin");

    let found = judge(&[words, status], &[record, entra]);

    let ids: Vec<(String, Vec<String>)> = told(found).into_iter().map(|(rule, _, uids)| (rule, uids)).collect();
    assert_eq!(
        ids,
        [
            ("SK-001".to_owned(), vec!["a".to_owned()]),
            ("SK-002".to_owned(), vec!["b".to_owned()])
        ]
    );
}

#[test]
fn times_and_dates_are_compared_as_such() {
    let rule = "title: t\nid: SK-001\ndetection: {s: {left|lt: 2026-04-01, time|gte: '2026-10-01T09:00:00+09:00'}, condition: s}\n";
    let at = |uid: &str, time: &str, left: &str| json!({"event_uid": uid, "time": time, "left": left});
    let rows = [
        at("a", "2026-10-01T00:00:00Z", "2026-03-31"),
        at("b", "2026-09-30T23:59:59Z", "2026-03-31"),
        at("c", "2026-10-01T00:00:00Z", "2026-04-01"),
    ];

    assert_eq!(told(judge(&[rule], &rows))[0].2, ["a"]);
}

#[test]
fn the_native_paths_of_all_rules_are_asked_for_once() {
    let rules = rule_set(&[
        "title: t\nid: SK-001\nlogsource: {product: azure, service: signinlogs}\ndetection: {s: {DeviceDetail.trustType: x, deviceDetail.TRUSTTYPE|contains: y, user_name: z}, condition: s}\n",
        "title: t\nid: SK-002\ncorrelation: {type: event_count, rules: [web], group-by: [cs-referer], timespan: 1m, condition: {gte: 2}}\n---\nname: web\nlogsource: {category: webserver}\ndetection: {s: {cs-method: POST}, condition: s}\n",
    ]);

    assert_eq!(rules.problems(), []);
    let projection = rules.projection();
    let paths: Vec<&str> = projection.paths().iter().map(|path| &**path).collect();
    let referers = [
        "http_referer",
        "referer",
        "referrer",
        "request.headers.referer",
        "request_referer",
    ];
    let mut expected: Vec<&str> = ["devicedetail.trusttype", "method"]
        .into_iter()
        .chain(referers)
        .collect();
    expected.sort_unstable();
    assert_eq!(paths, expected);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_rule_that_cannot_run_is_a_problem_and_the_others_run() {
    let plain = |logsource: &str, item: &str| {
        format!("title: t\nid: SK-001\nlogsource: {logsource}\ndetection:\n  s: {{{item}}}\n  condition: s\n")
    };
    let count = |rest: &str| {
        format!(
            "title: t\nid: SK-001\ncorrelation: {{type: event_count, timespan: 1m, condition: {{gte: 2}}, {rest}}}\n"
        )
    };
    let cases = [
        (
            plain("{product: windows}", "a: b"),
            ProblemKind::Logsource,
            Some(1),
            "no source that arrives is of the log source windows",
        ),
        (
            plain("{product: sekisho}", "usr_name: b"),
            ProblemKind::Field,
            Some(5),
            "`usr_name` is not a column",
        ),
        (
            plain("{category: webserver}", "cs-cookie: b"),
            ProblemKind::Field,
            Some(5),
            "`cs-cookie` is neither a column nor",
        ),
        (
            plain("{}", "user_name|re: '(?=x)'"),
            ProblemKind::Regex,
            Some(5),
            "the regular expression cannot be compiled",
        ),
        (
            plain("{}", "user_name|re: '\\w{1000}{1000}'"),
            ProblemKind::Regex,
            Some(5),
            "size limit",
        ),
        (
            plain("{}", "src_ip|cidr: 192.0.2.0/99"),
            ProblemKind::Cidr,
            Some(5),
            "expected one such as 192.0.2.0/24",
        ),
        (
            plain("{}", "user_name|gt: x"),
            ProblemKind::Value,
            Some(5),
            "the bound is `x`, expected a number",
        ),
        (
            plain("{}", "left|gt: soon"),
            ProblemKind::Value,
            Some(5),
            "expected a date",
        ),
        (
            plain("{}", "user_name: x") + "x-sekisho: {entity: usr}\n",
            ProblemKind::Field,
            Some(1),
            "expected a column such as user_name",
        ),
        (
            plain("{}", "user_name: x") + "x-sekisho: {family: life-cycle}\n",
            ProblemKind::Value,
            Some(1),
            "`x-sekisho.family` is `life-cycle`, expected one of attack, data,",
        ),
        (
            plain("{}", "user_name: x").replace("id: SK-001", "name: only"),
            ProblemKind::Missing,
            Some(1),
            "the rule has no `id`",
        ),
        (
            count("rules: [failure, nothing]"),
            ProblemKind::UnknownRule,
            Some(1),
            "there is no rule `nothing`",
        ),
        (
            count("rules: [SK-001]"),
            ProblemKind::UnknownRule,
            Some(1),
            "refers to itself",
        ),
        (
            count("rules: [failure], group-by: [usr]"),
            ProblemKind::Field,
            Some(1),
            "in the rule `failure`, `usr` is not a column",
        ),
        (
            count("rules: [failure], group-by: [u], aliases: {u: {other: user_name}}"),
            ProblemKind::Field,
            Some(1),
            "the alias `u` has no field for the rule `failure`",
        ),
        (
            "title: t\nid: SK-001\ntype: native\ndetector: clairvoyance\n".to_owned(),
            ProblemKind::Native,
            Some(4),
            "unknown detector `clairvoyance`",
        ),
        (
            "title: t\nid: SK-001\ntype: native\ndetector: leaver\nparameters: {grace: 1}\n".to_owned(),
            ProblemKind::Native,
            Some(4),
            "grace",
        ),
        (
            "title: t\nfilter: {rules: [nothing], s: {user_name: x}, condition: s}\n".to_owned(),
            ProblemKind::UnknownRule,
            Some(1),
            "there is no rule `nothing`",
        ),
        (
            FAILURE.replace("name: failure", "name: again"),
            ProblemKind::Duplicate,
            Some(1),
            "another rule has the id `SK-910`",
        ),
        ("title: [".to_owned(), ProblemKind::Yaml, Some(1), "not readable"),
    ];
    for (text, kind, line, message) in cases {
        let rules = rule_set(&[FAILURE, &text]);
        let problems: Vec<String> = rules.problems().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        let problem = &rules.problems()[0];
        assert_eq!((problem.kind, problem.line), (kind, line), "{problem}");
        assert!(problem.message.contains(message), "{problem}");
        assert_eq!(problem.path, "rules/1/rule.yml");
        assert!(rules.rules().iter().any(|rule| &*rule.info.id == "SK-910"), "{problem}");
    }
}

#[test]
fn a_name_that_several_files_have_means_the_one_in_the_same_file() {
    let file = |id: &str, status: u8| {
        format!(
            "title: t\nid: {id}\ncorrelation: {{type: event_count, rules: [base], group-by: [user_name], timespan: 1m, condition: {{gte: 1}}}}\n---\nname: base\ndetection: {{s: {{status_id: {status}}}, condition: s}}\n"
        )
    };
    let elsewhere = "title: t\nid: SK-003\ncorrelation: {type: event_count, rules: [base], group-by: [user_name], timespan: 1m, condition: {gte: 1}}\n";
    let rows = [
        sign_in("a", 0, "hana", "192.0.2.1", 1),
        sign_in("b", 0, "taro", "192.0.2.1", 2),
    ];

    let found = judge(&[&file("SK-001", 1), &file("SK-002", 2)], &rows);
    let rules = rule_set(&[&file("SK-001", 1), &file("SK-002", 2), elsewhere]);

    let uids: Vec<Vec<String>> = told(found).into_iter().map(|(.., uids)| uids).collect();
    assert_eq!(uids, [["a"], ["b"]]);
    assert!(
        rules.problems()[0].message.contains("2 rules have the name `base`"),
        "{}",
        rules.problems()[0]
    );
}

/// The rule folders below `folder`.
fn folders(folder: &Path, into: &mut Vec<RuleFolder>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let rule = path.join("rule.yml");
        if rule.exists() {
            let text = std::fs::read_to_string(&rule).unwrap();
            into.push(RuleFolder {
                path: rule.display().to_string(),
                rule: text,
                ..RuleFolder::default()
            });
        } else if path.is_dir() {
            folders(&path, into);
        }
    }
}

#[test]
fn every_shipped_rule_runs() {
    let mut shipped = Vec::new();
    folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"), &mut shipped);
    let surroundings = Surroundings::of(jiff::tz::TimeZone::UTC);

    let sources: Vec<&str> = sekisho_formats::FORMATS.iter().map(|spec| spec.id).collect();
    let rules = RuleSet::compile(&shipped, &sources, &surroundings);

    assert_eq!(rules.problems(), []);
    assert!(rules.rules().iter().filter(|rule| rule.alerts).count() >= shipped.len());
    assert!(
        Engine::new(rules)
            .detect(&batch(&[row(sign_in("a", 0, "hana", "192.0.2.1", 1))]))
            .is_empty()
    );
}
