//! Rules as people write them, and their mistakes.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "tests may panic")]

use std::time::Duration;

use sekisho_sigma::{
    Anchor, Bound, Comparison, CorrelationKind, Document, FilterTarget, Level, Lists, Moment, Number, Pattern,
    ProblemKind, Route, Rule, Search, Test, parse, parse_with,
};

/// The only document of a text without problems.
fn document(text: &str) -> Document {
    let mut parsed = parse("rule.yml", text);
    assert_eq!(parsed.problems, [], "{text}");
    assert_eq!(parsed.documents.len(), 1, "{text}");
    parsed.documents.remove(0)
}

fn rule(text: &str) -> Rule {
    match document(text) {
        Document::Rule(rule) => rule,
        other => panic!("{other:?} is not a plain rule"),
    }
}

/// A rule whose only search is `field: value`, and what it tests for.
fn tests_of(item: &str) -> (Option<String>, bool, bool, Vec<Test>) {
    let text = format!("title: t\nid: SK-001\ndetection:\n  s:\n    {item}\n  condition: s\n");
    let rule = rule(&text);
    match &rule.detection.searches[0].1 {
        Search::All(parts) => match parts.as_slice() {
            [Search::Field(test)] => (test.field.clone(), test.all, test.negated, test.tests.clone()),
            other => panic!("{other:?} is not one field"),
        },
        other => panic!("{other:?} is not a map"),
    }
}

fn text(value: &str) -> Test {
    Test::Text(Pattern::parse(value))
}

fn cased(value: &str) -> Test {
    Test::Text(Pattern {
        cased: true,
        ..Pattern::parse(value)
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn modifiers_change_what_a_value_means() {
    let cases = [
        ("f: value", vec![text("value")]),
        ("f: [a, 'b*']", vec![text("a"), text("b*")]),
        ("f: 50057", vec![Test::Number(Number::Int(50057))]),
        ("f: '50057'", vec![text("50057")]),
        ("f: 0.5", vec![Test::Number(Number::Float(0.5))]),
        ("f: true", vec![Test::Bool(true)]),
        ("f: 'true'", vec![text("true")]),
        ("f: yes", vec![text("yes")]),
        ("f: 0755", vec![text("0755")]),
        ("f: null", vec![Test::Null]),
        ("f:", vec![Test::Null]),
        ("f: ''", vec![text("")]),
        ("f|contains: va", vec![text("*va*")]),
        ("f|contains: 12", vec![text("*12*")]),
        ("f|startswith: va", vec![text("va*")]),
        ("f|endswith: '\\va'", vec![text("*\\va")]),
        ("f|contains|cased: Va", vec![cased("*Va*")]),
        (
            "f|lt: 5",
            vec![Test::Compare(Comparison::Lt, Bound::Number(Number::Int(5)))],
        ),
        (
            "f|gte: '5'",
            vec![Test::Compare(Comparison::Gte, Bound::Number(Number::Int(5)))],
        ),
        (
            "f|gt: 2026-01-31",
            vec![Test::Compare(Comparison::Gt, Bound::Text("2026-01-31".to_owned()))],
        ),
        ("f|cidr: 192.0.2.0/24", vec![Test::Cidr("192.0.2.0/24".to_owned())]),
        ("f|exists: true", vec![Test::Exists(true)]),
        ("f|exists: no", vec![Test::Exists(false)]),
        ("f|wide|base64: ping", vec![cased("cABpAG4AZwA=")]),
        (
            "f|base64offset|contains: foobar",
            vec![cased("*Zm9vYmFy*"), cased("*Zvb2Jhc*"), cased("*mb29iYX*")],
        ),
        ("f|expand: 'no placeholder 5%'", vec![text("no placeholder 5%")]),
        ("f|hour: [22, 23]", vec![hour(None, 22), hour(None, 23)]),
        ("f|hour|lt: 6", vec![hour(Some(Comparison::Lt), 6)]),
        (
            "f|cidr|expand: 192.0.2.0/24",
            vec![Test::Cidr("192.0.2.0/24".to_owned())],
        ),
        ("f|utf16le|base64: ping", vec![cased("cABpAG4AZwA=")]),
        ("f|utf16be|base64: A", vec![cased("AEE=")]),
        ("f|utf16|base64: A", vec![cased("//5BAA==")]),
        (
            "f|fieldref: other",
            vec![Test::Field {
                name: "other".to_owned(),
                anchor: Anchor::Whole,
                cased: false,
            }],
        ),
        (
            "f|fieldref|endswith: other",
            vec![Test::Field {
                name: "other".to_owned(),
                anchor: Anchor::End,
                cased: false,
            }],
        ),
        (
            "f|re|i|s: '^a.*b$'",
            vec![Test::Regex {
                pattern: "^a.*b$".to_owned(),
                ignore_case: true,
                multi_line: false,
                dot_all: true,
            }],
        ),
    ];
    for (item, expected) in cases {
        let (field, all, negated, tests) = tests_of(item);
        assert_eq!(
            (field.as_deref(), all, negated, tests),
            (Some("f"), false, false, expected),
            "{item}"
        );
    }
}

fn hour(comparison: Option<Comparison>, number: i64) -> Test {
    Test::Moment(Moment::Hour, comparison, number)
}

#[test]
fn placeholders_stand_for_every_value_of_a_list() {
    let lists = Lists::from([
        ("admins".to_owned(), vec!["root".to_owned(), "a*b".to_owned()]),
        ("offices".to_owned(), vec!["192.0.2.0/24".to_owned()]),
        ("none".to_owned(), Vec::new()),
    ]);
    let tests = |item: &str| {
        let rule = format!("title: t\nid: SK-001\ndetection:\n  s:\n    {item}\n  condition: s\n");
        let parsed = parse_with("rule.yml", &rule, &lists);
        let Some(Document::Rule(rule)) = parsed.documents.into_iter().next() else {
            return Err(parsed.problems[0].kind);
        };
        match &rule.detection.searches[0].1 {
            Search::All(parts) => match parts.as_slice() {
                [Search::Field(test)] => Ok(test.tests.clone()),
                other => panic!("{other:?} is not one field"),
            },
            other => panic!("{other:?} is not a map"),
        }
    };

    assert_eq!(tests("f|expand: '%admins%'"), Ok(vec![text("root"), text(r"a\*b")]));
    assert_eq!(
        tests("f|endswith|expand: ['\\%ADMINS%', x]"),
        Ok(vec![text("*\\root"), text(r"*\a\*b"), text("*x")])
    );
    assert_eq!(tests("f|expand: '%admins%@%admins%'").map(|tests| tests.len()), Ok(4));
    assert_eq!(
        tests("f|cidr|expand: '%offices%'"),
        Ok(vec![Test::Cidr("192.0.2.0/24".to_owned())])
    );
    assert_eq!(tests("f|expand: '%none%'"), Ok(Vec::new()));
    assert_eq!(tests("f|expand: '%unknown%'"), Err(ProblemKind::Placeholder));
    assert_eq!(tests("f: '%admins%'"), Ok(vec![text("%admins%")]));
}

#[test]
fn correlations_take_every_comparison_and_range() {
    let bounds = |condition: &str| {
        let text = format!(
            "title: t\nid: SK-001\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: {condition}\n"
        );
        match document(&text) {
            Document::Correlation(correlation) => correlation.bounds,
            other => panic!("{other:?}"),
        }
    };
    for (condition, holding, least) in [
        ("{gte: 3}", [false, false, true, true], Some(3)),
        ("{gt: 3}", [false, false, false, true], Some(4)),
        ("{lt: 3}", [true, true, false, false], None),
        ("{lte: 3}", [true, true, true, false], None),
        ("{eq: 3}", [false, false, true, false], None),
        ("{neq: 3}", [true, true, false, true], None),
        ("{gte: 2, lt: 4}", [false, true, true, false], None),
        ("{gt: 1, gte: 3}", [false, false, true, true], Some(3)),
    ] {
        let bounds = bounds(condition);
        let held = [1.0, 2.0, 3.0, 4.0].map(|measure| bounds.hold(measure));
        assert_eq!((held, bounds.least()), (holding, least), "{condition}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_sigma_has_no_word_for_is_read_and_refused_where_it_means_nothing() {
    let head = "title: t\nid: SK-001\nx-sekisho:\n";
    let detection = "detection: {s: {f: v}, condition: s}\n";
    let counting = "correlation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}\n";
    let relative = "correlation: {type: value_count, rules: [a], timespan: 1m, condition: {field: u}}\n";

    let Document::Rule(rule) = document(&format!(
        "{head}  first_seen: {{fields: [src_asn], by: [person], days: 30}}\n  \
         escalate: {{when: {{privileged: true}}, level: high}}\n{detection}"
    )) else {
        panic!("not a rule")
    };
    let seen = rule.meta.extension.first_seen.unwrap();
    assert_eq!((seen.days, seen.min_events, seen.by.len()), (30, 10, 1));
    assert_eq!(rule.meta.extension.escalate[0].level, Some(Level::High));
    let Document::Correlation(spray) = document(&format!(
        "{head}  threshold_rel: {{share: 0.04, floor: 4}}\n  lateness: 30m\n{relative}"
    )) else {
        panic!("not a correlation")
    };
    let threshold = spray.meta.extension.threshold_rel.unwrap();
    let people = [None, Some(0), Some(100), Some(101), Some(500)];
    assert_eq!(people.map(|people| threshold.threshold(people)), [4, 4, 4, 5, 20]);
    assert_eq!(spray.meta.extension.lateness, Some(Duration::from_mins(30)));

    for (keys, body, kind, message) in [
        (
            "absent: {rule: b, within: 1m}",
            detection,
            ProblemKind::Value,
            "expected it in a correlation",
        ),
        (
            "threshold_rel: {share: 1, floor: 1}",
            detection,
            ProblemKind::Value,
            "expected it in a correlation",
        ),
        (
            "first_seen: {fields: [f]}",
            counting,
            ProblemKind::Value,
            "expected it in a rule about single events",
        ),
        (
            "first_seen: {by: [f]}",
            detection,
            ProblemKind::Missing,
            "`first_seen.fields`",
        ),
        (
            "first_seen: {fields: [f], days: 1}",
            detection,
            ProblemKind::Value,
            "expected 2 to 366",
        ),
        ("absent: {rule: b}", counting, ProblemKind::Missing, "`within`"),
        (
            "absent: {rule: b, within: 10}",
            counting,
            ProblemKind::Value,
            "the within is `10`",
        ),
        (
            "threshold_rel: {share: 4, floor: 1}",
            counting,
            ProblemKind::Value,
            "`share`",
        ),
        (
            "escalate: {when: {f: v}}",
            counting,
            ProblemKind::Missing,
            "raises nothing",
        ),
        (
            "escalate: {when: {f: v}, lvl: high}",
            counting,
            ProblemKind::UnknownKey,
            "`lvl`",
        ),
        ("runbook_ja: x", counting, ProblemKind::UnknownKey, "response.ja.md"),
        (
            "calendar: {office: closed}",
            counting,
            ProblemKind::UnknownKey,
            "office_state",
        ),
    ] {
        let parsed = parse("rule.yml", &format!("{head}  {keys}\n{body}"));
        assert_eq!(parsed.problems.len(), 1, "{keys}");
        let problem = &parsed.problems[0];
        assert_eq!(problem.kind, kind, "{problem}");
        assert!(problem.message.contains(message), "{problem}");
    }
}

#[test]
fn all_neq_and_the_whole_record_are_kept_apart() {
    assert_eq!(
        tests_of("f|contains|all: [a, b]"),
        (Some("f".to_owned()), true, false, vec![text("*a*"), text("*b*")])
    );
    assert_eq!(
        tests_of("f|neq: JP"),
        (Some("f".to_owned()), false, true, vec![text("JP")])
    );
    assert_eq!(
        tests_of("'|all': [a, b]"),
        (None, true, false, vec![text("*a*"), text("*b*")])
    );
}

#[test]
fn under_all_each_value_may_stand_in_one_of_its_variants() {
    let rule = rule("title: t\nid: SK-001\ndetection:\n  s:\n    f|windash|contains|all: [' -a', x]\n  condition: s\n");

    let Search::All(parts) = &rule.detection.searches[0].1 else {
        panic!("not a map")
    };
    let [Search::All(values)] = parts.as_slice() else {
        panic!("{parts:?}")
    };
    let counts: Vec<usize> = values
        .iter()
        .map(|value| match value {
            Search::Field(test) => test.tests.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [5, 1]);
}

#[test]
fn a_list_of_words_is_searched_in_the_whole_record_and_maps_in_a_list_are_alternatives() {
    let rule = rule("title: t\nid: SK-001\ndetection:\n  s: [one, {f: 1}, 2]\n  condition: s\n");

    let Search::Any(parts) = &rule.detection.searches[0].1 else {
        panic!("not a list")
    };
    assert_eq!(parts.len(), 2);
    assert!(matches!(&parts[0], Search::All(_)));
    assert!(
        matches!(&parts[1], Search::Field(test) if test.field.is_none() && test.tests == [text("*one*"), text("*2*")])
    );
}

#[test]
fn what_a_rule_says_about_itself_is_read() {
    let rule = rule(
        "
title: Leaver signs in
id: SK-401
status: stable
level: critical
tags: [attack.t1078.004, attack.initial-access, attack.T1078]
falsepositives: none known
logsource: {product: Azure, service: signinlogs}
x-sekisho:
  title_ja: 退職者のサインイン
  family: lifecycle
  probability: 0.9
  major: 2
  entity: user_name
  route: page
detection:
  s: {status_id: 1}
  condition: s
",
    );
    let meta = &rule.meta;

    assert_eq!(meta.level, Level::Critical);
    assert_eq!(meta.attack(), ["T1078.004", "T1078"]);
    assert_eq!(meta.falsepositives, ["none known"]);
    assert_eq!(meta.logsource.product.as_deref(), Some("azure"));
    assert_eq!(meta.title_ja.as_deref(), Some("退職者のサインイン"));
    assert_eq!(
        (meta.family.as_deref(), meta.probability, meta.major),
        (Some("lifecycle"), Some(0.9), 2)
    );
    assert_eq!(meta.entity.as_deref(), Some("user_name"));
    assert_eq!(meta.route, Some(Route::Page));
}

#[test]
fn the_chained_example_of_the_specification_is_read() {
    let parsed = parse(
        "rule.yml",
        "
title: Failed logins followed by a successful one
id: b180ead8-d58f-40b2-ae54-c8940995b9b6
correlation:
  type: temporal_ordered
  rules: [many, success]
  group-by: [User]
  timespan: 90m
  aliases: {user: {many: User, success: TargetUser}}
level: high
generate: true
---
title: Many
name: many
correlation:
  type: value_count
  rules: failed
  group-by: User
  timespan: 10m
  condition: {gt: 9, field: ComputerName}
---
name: failed
detection:
  s: {EventID: [529, 4625]}
  condition: s
",
    );
    assert_eq!(parsed.problems, []);

    let [
        Document::Correlation(ordered),
        Document::Correlation(many),
        Document::Rule(_),
    ] = parsed.documents.as_slice()
    else {
        panic!("{parsed:?}");
    };
    assert_eq!(
        (ordered.kind, ordered.bounds.least(), ordered.generate),
        (CorrelationKind::TemporalOrdered, Some(2), true)
    );
    assert_eq!(ordered.timespan, Duration::from_mins(90));
    assert_eq!(ordered.aliases[0].1[1], ("success".to_owned(), "TargetUser".to_owned()));
    assert_eq!(
        (many.bounds.least(), many.field.as_deref()),
        (Some(10), Some("ComputerName"))
    );
    assert_eq!(
        (many.rules.as_slice(), many.group_by.as_slice()),
        (&["failed".to_owned()][..], &["User".to_owned()][..])
    );
}

#[test]
fn a_native_rule_has_a_detector_and_its_parameters() {
    let Document::Native(native) = document(
        "title: t\nid: SK-202\ntype: native\ndetector: geo_velocity\nparameters: {speed_kmh_max: 900, kinds: [fixed]}\n",
    ) else {
        panic!("not native");
    };

    assert_eq!(native.detector, "geo_velocity");
    assert_eq!(
        native.parameters,
        serde_json::json!({"speed_kmh_max": 900, "kinds": ["fixed"]})
    );
}

#[test]
fn a_filter_names_the_rules_it_is_added_to() {
    let text = "title: quiet\nfilter:\n  rules: RULES\n  admins: {User|startswith: adm_}\n  condition: not admins\n";

    let Document::Filter(filter) = document(&text.replace("RULES", "[SK-101]")) else {
        panic!("not a filter")
    };
    assert_eq!(filter.target, FilterTarget::Rules(vec!["SK-101".to_owned()]));
    assert_eq!(filter.detection.searches.len(), 1);
    let Document::Filter(filter) = document(&text.replace("RULES", "any")) else {
        panic!("not a filter")
    };
    assert_eq!(filter.target, FilterTarget::Any);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_mistake_names_its_line_and_what_was_expected() {
    let detection = "detection:\n  s: {f: v}\n  condition: s\n";
    let correlation = "title: t\nid: SK-001\ncorrelation:\n  rules: [a]\n  group-by: [u]\n";
    let cases: &[(&str, ProblemKind, u32, &str)] = &[
        ("title: [", ProblemKind::Yaml, 1, "not readable as YAML"),
        ("- a\n- b\n", ProblemKind::Value, 1, "`rule` is a list, expected a map"),
        ("title: t\n", ProblemKind::Missing, 1, "neither `id` nor `name`"),
        (
            "title: t\nid: 12\n",
            ProblemKind::Id,
            2,
            "the id `12` is neither `SK-nnn` nor a UUID",
        ),
        (
            "title: t\nid: SK-001\n",
            ProblemKind::Missing,
            1,
            "`detection` is missing",
        ),
        (
            "title: t\nid: SK-001\nlevel: bad\n",
            ProblemKind::Value,
            3,
            "expected informational, low",
        ),
        (
            "title: t\nid: SK-001\ntype: nativ\n",
            ProblemKind::Value,
            1,
            "`type` is `nativ`",
        ),
        (
            "title: t\nid: SK-001\ntype: native\n",
            ProblemKind::Missing,
            1,
            "`detector` is missing",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  condition: s\n",
            ProblemKind::Missing,
            4,
            "there is no search",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f: v}\n",
            ProblemKind::Missing,
            4,
            "`condition` is missing",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f|regexp: v}\n  condition: s\n",
            ProblemKind::Modifier,
            4,
            "`regexp`",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f|i: v}\n  condition: s\n",
            ProblemKind::Modifier,
            4,
            "without `re`",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f|wide: v}\n  condition: s\n",
            ProblemKind::Modifier,
            4,
            "without `base64`",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f|hour: noon}\n  condition: s\n",
            ProblemKind::Value,
            4,
            "a whole number",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f|expand: '%x%'}\n  condition: s\n",
            ProblemKind::Placeholder,
            4,
            "`lists/x.txt`",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f: {g: 1}}\n  condition: s\n",
            ProblemKind::Value,
            4,
            "`value` is a map",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f: v}\n  condition: s or q\n",
            ProblemKind::Condition,
            5,
            "has `q`",
        ),
        (
            "title: t\nid: SK-001\ndetection:\n  s: {f: v}\n  s: {g: v}\n  condition: s\n",
            ProblemKind::Yaml,
            5,
            "duplicate",
        ),
    ];
    for (text, kind, line, message) in cases {
        let parsed = parse("rule.yml", text);
        assert_eq!(parsed.documents, [], "{text}");
        assert_eq!(parsed.problems.len(), 1, "{text}");
        let problem = &parsed.problems[0];
        assert_eq!((problem.kind, problem.line), (*kind, Some(*line)), "{problem}");
        assert!(problem.message.contains(message), "{problem}");
    }

    let correlations = [
        ("  type: event_sum\n", ProblemKind::Value, "event_sum"),
        (
            "  type: value_avg\n  timespan: 1m\n  condition: {gt: 1.5}\n",
            ProblemKind::Missing,
            "`condition.field`",
        ),
        (
            "  type: event_count\n  timespan: 1m\n",
            ProblemKind::Missing,
            "`condition` is missing",
        ),
        (
            "  type: event_count\n  condition: {gte: 3}\n",
            ProblemKind::Missing,
            "`timespan` is missing",
        ),
        (
            "  type: event_count\n  condition: {gte: 3}\n  timespan: 1w\n",
            ProblemKind::Value,
            "such as `10m`",
        ),
        (
            "  type: event_count\n  condition: {gte: 3}\n  timespan: 90d\n",
            ProblemKind::Limit,
            "1s to 30d",
        ),
        (
            "  type: event_count\n  condition: {lt: 2.5}\n  timespan: 1m\n",
            ProblemKind::Value,
            "a whole number from 0",
        ),
        (
            "  type: event_count\n  condition: {gte: 0}\n  timespan: 1m\n",
            ProblemKind::Value,
            "always holds",
        ),
        (
            "  type: value_count\n  condition: {gte: 3}\n  timespan: 1m\n",
            ProblemKind::Missing,
            "`condition.field`",
        ),
        (
            "  type: temporal\n  timespan: 1m\n",
            ProblemKind::Value,
            "expected two or more",
        ),
    ];
    for (rest, kind, message) in correlations {
        let parsed = parse("rule.yml", &format!("{correlation}{rest}"));
        assert_eq!(parsed.problems.len(), 1, "{rest}");
        assert_eq!(parsed.problems[0].kind, kind, "{rest}");
        assert!(parsed.problems[0].message.contains(message), "{}", parsed.problems[0]);
    }

    let parsed = parse(
        "rule.yml",
        &format!("title: t\nid: SK-001\nx-sekisho: {{route: chat}}\n{detection}"),
    );
    assert_eq!(
        parsed.problems[0].to_string(),
        "rule.yml:3: SK-001: `x-sekisho.route` is `chat`, expected page, incident, digest or dashboard"
    );

    let parsed = parse(
        "rule.yml",
        &format!("title: t\nid: SK-001\nx-sekisho: {{probabilty: 0.5}}\n{detection}"),
    );
    assert_eq!(parsed.documents.len(), 1, "an unknown key does not silence the rule");
    assert_eq!(
        (parsed.problems[0].kind, parsed.problems[0].line),
        (ProblemKind::UnknownKey, Some(3))
    );
    assert_eq!(
        parsed.problems[0].to_string(),
        "rule.yml:3: SK-001: unknown key `x-sekisho.probabilty`, expected absent, entity, escalate, family, \
         first_seen, lateness, major, probability, route, threshold_rel or title_ja"
    );
}

#[test]
fn one_bad_document_does_not_take_the_others_with_it() {
    let good = "title: t\nid: SK-001\ndetection:\n  s: {f: v}\n  condition: s\n";
    let parsed = parse(
        "rule.yml",
        &format!("{good}---\ntitle: u\nid: SK-002\n---\n{}", good.replace("001", "003")),
    );

    assert_eq!(parsed.documents.len(), 2);
    assert_eq!(parsed.problems[0].rule.as_deref(), Some("SK-002"));
}

#[test]
fn bombs_are_refused() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        let line = format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(", "));
        bomb.push_str(&line);
    }
    let deep = format!("a: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = "a".repeat(sekisho_sigma::TEXT_BYTES_MAX + 1);
    for (text, kind) in [
        (bomb, ProblemKind::Yaml),
        (deep, ProblemKind::Yaml),
        (long, ProblemKind::Limit),
    ] {
        let parsed = parse("rule.yml", &text);
        assert_eq!(parsed.problems.len(), 1);
        assert_eq!(parsed.problems[0].kind, kind);
    }
    assert_eq!(parse("rule.yml", "").problems[0].kind, ProblemKind::Missing);
}
