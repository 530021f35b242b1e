use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sekisho_model::{
    Announcement, Detection, Entity, EntityKind, Evidence, Facts, Findings, Occasion, Route, RuleInfo, Severity,
    Snapshot, Time, Weight,
};
use serde_json::json;

use super::{ALERTS_OPEN_MAX, Casebook, EVIDENCE_MAX};
use crate::testing::rig::{Told, rule};

const HOUR: i64 = 3_600;

/// A detection of a rule with a gap of an hour, for hana, of events at these hours, named after them.
fn detection(rule: &Arc<RuleInfo>, hours: &[f64]) -> Detection {
    Detection {
        rule: Arc::clone(rule),
        weight: Weight::of(rule),
        tenant: "default".into(),
        entity: Entity {
            kind: EntityKind::Person,
            name: "hana@example.co.jp".into(),
        },
        evidence: hours.iter().map(|hour| event(*hour)).collect(),
        facts: Facts::new(),
        gap: Duration::from_hours(1),
    }
}

fn event(hour: f64) -> Evidence {
    let time = Time::from_secs(1_790_035_200).plus(Duration::from_secs_f64(hour * 3600.0));
    Evidence {
        event_uid: format!("at-{hour}"),
        time,
        observed: time,
        ..Evidence::default()
    }
}

/// A detection of a rule for an address.
fn from(address: &str, rule: &Arc<RuleInfo>, hours: &[f64]) -> Detection {
    Detection {
        entity: Entity {
            kind: EntityKind::Source,
            name: address.into(),
        },
        ..detection(rule, hours)
    }
}

fn travel() -> Arc<RuleInfo> {
    rule("SK-202", "travel", Severity::Medium, 0.35)
}

fn occasions(announcements: &[Announcement]) -> Vec<String> {
    announcements
        .iter()
        .map(|announcement| announcement.occasion.key())
        .collect()
}

/// Feeds firings of one rule at these hours, each a batch, and expects these episodes.
fn check(batches: &[&[f64]], expected: &[&[f64]]) -> Told {
    let mut casebook = Casebook::default();
    let mut told = Told::default();
    for hours in batches {
        told.hear(casebook.add(vec![detection(&travel(), hours)]));
    }
    let found: BTreeSet<BTreeSet<String>> = told.episodes().into_iter().map(|(_, _, events)| events).collect();
    let expected = expected
        .iter()
        .map(|hours| hours.iter().map(|hour| format!("at-{hour}")).collect())
        .collect();
    assert_eq!(found, expected);
    told
}

#[test]
fn firings_within_the_gap_are_one_episode() {
    check(&[&[0.0], &[1.0], &[2.0]], &[&[0.0, 1.0, 2.0]]);
    check(&[&[0.0, 1.0], &[2.1]], &[&[0.0, 1.0], &[2.1]]);
}

#[test]
fn a_late_event_bridges_two_episodes_and_the_younger_is_merged_into_the_older() {
    let told = check(&[&[2.0], &[0.0], &[1.0]], &[&[0.0, 1.0, 2.0]]);

    let alerts: Vec<_> = told.alerts.values().collect();
    let (kept, merged) = if alerts[0].merged_into.is_none() {
        (alerts[0], alerts[1])
    } else {
        (alerts[1], alerts[0])
    };
    assert!(
        told.evidence[&kept.alert_id].contains("at-2"),
        "the first that was heard of is the older"
    );
    assert_eq!(merged.merged_into.as_ref(), Some(&kept.alert_id));
    assert_eq!(kept.evidence_count, 3);
    assert_eq!(kept.last_time.0 - kept.first_time.0, 2 * HOUR * 1_000_000);
    assert_eq!(told.incidents.len(), 1);
}

#[test]
fn an_episode_that_was_merged_before_it_was_told_is_never_heard_of() {
    let told = check(&[&[2.0, 0.0, 1.0]], &[&[0.0, 1.0, 2.0]]);
    assert_eq!(told.alerts.len(), 1);

    let mut casebook = Casebook::default();
    let mut told = Told::default();
    told.hear(casebook.add(vec![
        detection(&travel(), &[0.0]),
        detection(&travel(), &[2.0]),
        detection(&travel(), &[1.0, 5.0]),
    ]));
    assert_eq!(told.alerts.len(), 2);
    assert_eq!(told.announcements.len(), 1);
}

#[test]
fn the_id_of_an_alert_names_the_event_that_opened_it_and_stays() {
    let mut casebook = Casebook::default();
    let id = |findings: &Findings| findings.alerts[0].alert.alert_id.clone();

    let first = id(&casebook.add(vec![detection(&travel(), &[1.0])]));
    let second = id(&casebook.add(vec![detection(&travel(), &[0.5])]));

    assert_eq!(
        first,
        sekisho_model::ids::alert_id("default", "SK-202", 1, "person:hana@example.co.jp", "at-1")
    );
    assert_eq!(first, second);
}

#[test]
fn a_repeated_event_changes_nothing() {
    let mut casebook = Casebook::default();
    casebook.add(vec![detection(&travel(), &[0.0, 0.5])]);
    assert!(casebook.add(vec![detection(&travel(), &[0.5, 0.0])]).is_empty());
}

#[test]
fn only_what_is_new_is_told_as_evidence() {
    let mut casebook = Casebook::default();
    casebook.add(vec![detection(&travel(), &[0.0])]);

    let findings = casebook.add(vec![detection(&travel(), &[0.7, 0.0, 0.3])]);

    let uids: Vec<&str> = findings.alerts[0]
        .evidence
        .iter()
        .map(|evidence| evidence.event_uid.as_str())
        .collect();
    assert_eq!(uids, ["at-0.3", "at-0.7"]);
    assert_eq!(findings.alerts[0].alert.evidence_count, 3);
}

#[test]
fn rules_versions_entities_and_tenants_are_kept_apart() {
    let base = detection(&travel(), &[0.0]);
    let mut others = vec![base.clone(); 5];
    others[0].rule = rule("SK-301", "session", Severity::Medium, 0.6);
    others[1].rule = Arc::new(RuleInfo {
        major: 2,
        ..(*travel()).clone()
    });
    others[2].entity.name = "taro@example.co.jp".into();
    others[3].entity.kind = EntityKind::Source;
    others[4].tenant = "other".into();
    others.push(base);

    let findings = Casebook::default().add(others);

    let ids: BTreeSet<&str> = findings
        .alerts
        .iter()
        .map(|update| update.alert.alert_id.as_str())
        .collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(findings.incidents.len(), 4);
}

#[test]
fn alerts_of_a_weekend_are_one_incident_and_of_next_week_another() {
    let session = rule("SK-301", "session", Severity::Medium, 0.6);
    let mut casebook = Casebook::default();
    let mut told = Told::default();
    told.hear(casebook.add(vec![detection(&travel(), &[0.0])]));
    told.hear(casebook.add(vec![detection(&session, &[72.0])]));
    told.hear(casebook.add(vec![detection(&travel(), &[145.0])]));
    assert_eq!(told.incidents().len(), 2);

    // A late event in between makes it one.
    told.hear(casebook.add(vec![detection(&travel(), &[100.0])]));

    assert_eq!(told.incidents().len(), 1);
    let merged: Vec<_> = told
        .incidents
        .values()
        .filter(|incident| incident.merged_into.is_some())
        .collect();
    assert_eq!(merged.len(), 1);
    let kept = &told.incidents[merged[0].merged_into.as_ref().unwrap()];
    assert!(told.alerts.values().all(|alert| alert.incident_id == kept.incident_id));
}

#[test]
fn neighbours_that_do_the_same_are_one_campaign_and_their_alerts_stay_apart() {
    let spray = rule("SK-102", "attack", Severity::Medium, 0.4);
    let guess = rule("SK-108", "attack", Severity::Low, 0.1);
    let scan = rule("SK-601", "web", Severity::Informational, 0.1);
    let mut told = Told::default();
    told.hear(Casebook::default().add(vec![
        from("198.51.100.7", &spray, &[0.0]),
        from("198.51.100.200", &spray, &[0.0, 0.5]),
        from("198.51.100.200", &guess, &[0.5]),
        from("198.51.100.7", &scan, &[0.0]),
        from("198.51.101.7", &spray, &[0.0]),
        from("2001:db8:1::7", &spray, &[0.0]),
        from("2001:db8:1:ffff::8", &spray, &[1.0]),
        from("2001:db8:2::8", &spray, &[1.0]),
        from("unknown", &spray, &[0.0]),
    ]));

    let campaigns: Vec<(&str, &str)> = told
        .incidents
        .values()
        .map(|incident| (&*incident.entity.name, incident.families[0].as_str()))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();

    assert_eq!(
        campaigns,
        [
            ("198.51.100.0/24", "attack"),
            ("198.51.100.7", "web"),
            ("198.51.101.7", "attack"),
            ("2001:db8:1::/48", "attack"),
            ("2001:db8:2::8", "attack"),
            ("unknown", "attack"),
        ]
    );
    assert_eq!(told.incidents.len(), 6);
    assert_eq!(told.alerts.len(), 9);
    assert_eq!(told.announcements.len(), 6);
}

#[test]
fn a_campaign_keeps_its_id_as_addresses_join_it() {
    let spray = rule("SK-102", "attack", Severity::Medium, 0.4);
    let mut casebook = Casebook::default();
    let first = casebook.add(vec![from("198.51.100.7", &spray, &[0.0])]);

    let second = casebook.add(vec![from("198.51.100.8", &spray, &[2.0])]);

    let id = sekisho_model::ids::incident_id("default", "source:198.51.100.0/24:attack", "at-0");
    assert_eq!(first.incidents[0].incident_id, id);
    assert_eq!(&*first.incidents[0].entity.name, "198.51.100.7");
    assert_eq!(second.incidents[0].incident_id, id);
    assert_eq!(&*second.incidents[0].entity.name, "198.51.100.0/24");
    assert_eq!(&*second.alerts[0].alert.entity.name, "198.51.100.8");
    assert!(second.announcements.is_empty());
}

#[test]
fn an_incident_speaks_when_it_opens_gets_worse_or_spreads_and_only_then() {
    let mut casebook = Casebook::default();
    let mut said =
        |rule: &Arc<RuleInfo>, hour: f64| occasions(&casebook.add(vec![detection(rule, &[hour])]).announcements);

    assert_eq!(said(&travel(), 0.0), ["opened"]);
    assert_eq!(said(&travel(), 0.5), [""; 0]);
    assert_eq!(said(&rule("SK-207", "travel", Severity::Medium, 0.3), 0.6), [""; 0]);
    assert_eq!(
        said(&rule("SK-502", "mailbox", Severity::Medium, 0.6), 1.0),
        ["severity:high", "family:mailbox"]
    );
    assert_eq!(said(&rule("SK-503", "mailbox", Severity::Medium, 0.6), 1.1), [""; 0]);
    assert_eq!(
        said(&rule("SK-401", "lifecycle", Severity::Critical, 0.1), 2.0),
        ["severity:critical", "family:lifecycle", "page:SK-401"]
    );
    assert_eq!(said(&travel(), 20.0), [""; 0]);
}

#[test]
fn what_comes_together_is_said_in_one_breath() {
    let leaver = rule("SK-401", "lifecycle", Severity::Critical, 0.9);

    let findings = Casebook::default().add(vec![detection(&travel(), &[0.0]), detection(&leaver, &[0.1])]);

    assert_eq!(occasions(&findings.announcements), ["opened"]);
    assert_eq!(findings.incidents[0].severity, Severity::Critical);
    assert_eq!(findings.incidents[0].families, ["lifecycle", "travel"]);
    assert!((findings.incidents[0].score - 93.5).abs() < 0.1);
}

#[test]
fn weak_signals_add_up_and_a_low_rule_alone_does_not_speak_loudly() {
    let severity = |rules: &[(&str, f64)]| {
        let found = rules
            .iter()
            .map(|(family, probability)| detection(&rule(family, family, Severity::Medium, *probability), &[0.0]));
        Casebook::default().add(found.collect()).incidents[0].severity
    };

    assert_eq!(severity(&[("time", 0.08)]), Severity::Low);
    assert_eq!(severity(&[("travel", 0.35)]), Severity::Medium);
    assert_eq!(
        severity(&[("novelty", 0.4), ("mailbox", 0.6), ("time", 0.08)]),
        Severity::High
    );
    assert_eq!(
        severity(&[("novelty", 0.6), ("mailbox", 0.6), ("session", 0.6)]),
        Severity::Critical
    );
}

/// What an incident of one detection amounts to: its level, and whether it is told at once.
fn amounts_to(level: Severity, route: Route, weighs: Weight) -> (Severity, Route, bool) {
    let rule = Arc::new(RuleInfo {
        route,
        ..(*rule("SK-202", "travel", level, 0.35)).clone()
    });
    let found = Detection {
        weight: weighs,
        ..detection(&rule, &[0.0])
    };
    let findings = Casebook::default().add(vec![found]);
    let incident = &findings.incidents[0];
    (incident.severity, incident.route, findings.announcements[0].page)
}

#[test]
fn the_route_of_a_rule_decides_how_far_a_detection_alone_goes() {
    use Severity::{Critical, High, Informational, Low, Medium};
    let weight = |severity, probability| Weight { severity, probability };
    for (level, route, weighs, expected) in [
        (Medium, Route::Page, weight(Medium, 0.1), (High, Route::Page, true)),
        (
            Critical,
            Route::Page,
            weight(Critical, 0.1),
            (Critical, Route::Page, true),
        ),
        (
            High,
            Route::Incident,
            weight(High, 0.1),
            (Medium, Route::Incident, false),
        ),
        (High, Route::Incident, weight(High, 0.6), (High, Route::Incident, false)),
        (
            Medium,
            Route::Incident,
            weight(Medium, 0.1),
            (Low, Route::Incident, false),
        ),
        (Low, Route::Digest, weight(Low, 0.9), (Medium, Route::Digest, false)),
        (
            Informational,
            Route::Dashboard,
            weight(Informational, 0.9),
            (Low, Route::Dashboard, false),
        ),
        // Weighed more or less than the rule.
        (
            High,
            Route::Incident,
            weight(Critical, 0.1),
            (Critical, Route::Page, true),
        ),
        (
            Critical,
            Route::Page,
            weight(High, 0.1),
            (Medium, Route::Incident, false),
        ),
        (Critical, Route::Page, weight(Low, 0.1), (Low, Route::Digest, false)),
        (
            Medium,
            Route::Digest,
            weight(High, 0.1),
            (Medium, Route::Incident, false),
        ),
    ] {
        assert_eq!(
            amounts_to(level, route, weighs),
            expected,
            "{level:?} {route:?} {weighs:?}"
        );
    }
}

#[test]
fn each_rule_that_pages_speaks_once_also_where_nothing_gets_worse() {
    let pages = |id: &str| rule(id, "session", Severity::Critical, 0.9);
    let mut casebook = Casebook::default();
    let mut said = |rule: &Arc<RuleInfo>, hour: f64| {
        let announcements = casebook.add(vec![detection(rule, &[hour])]).announcements;
        let page = announcements.iter().all(|announcement| announcement.page);
        (occasions(&announcements), page)
    };

    assert_eq!(said(&pages("SK-301"), 0.0), (vec!["opened".to_owned()], true));
    assert_eq!(said(&pages("SK-302"), 0.5), (vec!["page:SK-302".to_owned()], true));
    assert_eq!(said(&pages("SK-301"), 9.0), (vec![], true));
    assert_eq!(said(&travel(), 9.5), (vec!["family:travel".to_owned()], false));
}

#[test]
fn an_administrator_weighs_more_and_an_address_that_tried_one_does_not() {
    let score = |kind| {
        let mut found = detection(&travel(), &[0.0]);
        found.entity.kind = kind;
        found.evidence[0].privileged = true;
        Casebook::default().add(vec![found]).incidents[0].score
    };

    assert!((score(EntityKind::Person) - 40.25).abs() < 0.01);
    assert!((score(EntityKind::Source) - 35.0).abs() < 0.01);
}

#[test]
fn the_score_fades_and_the_severity_does_not() {
    let mut casebook = Casebook::default();
    casebook.add(vec![detection(
        &rule("SK-301", "session", Severity::Medium, 0.7),
        &[0.0],
    )]);

    let findings = casebook.add(vec![detection(&rule("SK-205", "novelty", Severity::Low, 0.0), &[48.0])]);

    assert!(
        (findings.incidents[0].score - 17.5).abs() < 0.01,
        "{}",
        findings.incidents[0].score
    );
    assert_eq!(findings.incidents[0].severity, Severity::High);
}

#[test]
fn a_merged_incident_stops_speaking_and_the_older_does_not_repeat_it() {
    let critical = rule("SK-401", "lifecycle", Severity::Critical, 0.9);
    let mut casebook = Casebook::default();
    let older = casebook.add(vec![detection(&travel(), &[0.0])]).incidents[0]
        .incident_id
        .clone();
    let younger = casebook.add(vec![detection(&critical, &[140.0])]).incidents[0]
        .incident_id
        .clone();

    let findings = casebook.add(vec![detection(&travel(), &[70.0])]);
    let later = casebook.add(vec![detection(&critical, &[150.0])]);

    assert!(findings.announcements.is_empty(), "{:?}", findings.announcements);
    assert!(later.announcements.is_empty(), "{:?}", later.announcements);
    assert_eq!(findings.incidents.len(), 2);
    assert_eq!(findings.incidents[0].incident_id, younger);
    assert_eq!(findings.incidents[0].merged_into.as_ref(), Some(&older));
    assert_eq!(findings.incidents[1].severity, Severity::Critical);
    assert!(findings.alerts.iter().all(|update| update.alert.incident_id == older));
}

#[test]
fn announcements_are_timed_by_the_latest_receipt() {
    let mut late = detection(&travel(), &[0.0, 0.5]);
    late.evidence[0].observed = late.evidence[0].time.plus(Duration::from_mins(150));

    let findings = Casebook::default().add(vec![late.clone()]);

    assert_eq!(findings.announcements[0].observed, late.evidence[0].observed);
    assert_eq!(findings.announcements[0].occasion, Occasion::Opened);
    assert_eq!(findings.alerts[0].alert.found_late_secs, Some(9_000));
}

#[test]
fn ten_minutes_are_not_late() {
    let mut slow = detection(&travel(), &[0.0]);
    slow.evidence[0].observed = slow.evidence[0].time.plus(Duration::from_mins(10));
    assert_eq!(
        Casebook::default().add(vec![slow]).alerts[0].alert.found_late_secs,
        None
    );
}

#[test]
fn an_event_that_claims_another_century_stays_in_reach() {
    let mut odd = detection(&travel(), &[0.0]);
    odd.evidence[0].time = Time::from_secs(0);
    let findings = Casebook::default().add(vec![odd]);
    assert_eq!(
        findings.alerts[0].alert.first_time,
        event(0.0).time.minus(Duration::from_hours(7 * 24))
    );
}

#[test]
fn the_same_detections_give_the_same_findings_in_whatever_order_the_detectors_ran() {
    let found: Vec<Detection> = [("b", 3.0), ("a", 3.0), ("c", 1.0), ("a", 9.0)]
        .into_iter()
        .map(|(id, hour)| detection(&rule(id, id, Severity::Medium, 0.3), &[hour]))
        .collect();
    let backward = found.iter().rev().cloned().collect();
    assert_eq!(Casebook::default().add(found), Casebook::default().add(backward));
}

#[test]
fn what_is_over_is_forgotten_and_what_is_not_is_kept() {
    let mut casebook = Casebook::default();
    casebook.add(vec![detection(&travel(), &[0.0])]);

    casebook.forget_before(event(1.9).time);
    assert_eq!(casebook.cases.values().flat_map(super::Case::episode_times).count(), 1);
    casebook.forget_before(event(2.1).time);
    assert_eq!(casebook.cases.values().flat_map(super::Case::episode_times).count(), 0);
    assert_eq!(casebook.cases.values().flat_map(super::Case::incident_times).count(), 1);
    casebook.forget_before(event(9.9 * 24.0).time);
    assert_eq!(casebook.cases.len(), 1);
    casebook.forget_before(event(10.1 * 24.0).time);
    assert!(casebook.cases.is_empty());
}

#[test]
fn an_incident_goes_on_after_its_alert_closed() {
    let mut casebook = Casebook::default();
    let first = casebook.add(vec![detection(&travel(), &[0.0])]);
    casebook.forget_before(event(10.0).time);

    let second = casebook.add(vec![detection(&travel(), &[20.0])]);

    assert_ne!(first.alerts[0].alert.alert_id, second.alerts[0].alert.alert_id);
    assert_eq!(first.incidents[0].incident_id, second.incidents[0].incident_id);
    assert!(second.announcements.is_empty());
}

#[test]
fn beyond_the_bound_evidence_is_counted_as_at_least() {
    let hours: Vec<f64> = (0..EVIDENCE_MAX + 500)
        .map(|index| f64::from(u32::try_from(index).unwrap()) / 100.0)
        .collect();
    let mut casebook = Casebook::default();
    let mut told = Told::default();
    for hours in hours.chunks(300) {
        told.hear(casebook.add(vec![detection(&travel(), hours)]));
    }

    let alert = told.alerts.values().next().unwrap();

    assert_eq!(alert.evidence_count, u64::try_from(EVIDENCE_MAX).unwrap());
    assert_eq!(alert.facts["evidence_count_is_least"], json!(true));
    assert_eq!(alert.last_time, event(*hours.last().unwrap()).time);
    assert_eq!(told.evidence[&alert.alert_id].len(), EVIDENCE_MAX);
}

#[test]
fn there_are_never_more_open_alerts_than_the_bound() {
    let mut casebook = Casebook::default();
    for index in 0..ALERTS_OPEN_MAX + 1_000 {
        let mut found = detection(&travel(), &[f64::from(u32::try_from(index).unwrap()) / 1_000.0]);
        found.entity.name = format!("person-{index}").into();
        casebook.cases.entry(super::Subject::of(&found)).or_default().add(
            &super::Subject::of(&found),
            found,
            &mut casebook.opened,
        );
    }

    casebook.shrink();

    let times: Vec<Time> = casebook.cases.values().flat_map(super::Case::episode_times).collect();
    assert!(times.len() <= ALERTS_OPEN_MAX, "{}", times.len());
    assert!(times.contains(&event(10.999).time), "the newest is kept");
}

#[test]
fn a_case_that_cannot_be_read_begins_anew_and_the_others_go_on() {
    let mut casebook = Casebook::default();
    let mut taro = detection(&travel(), &[0.0]);
    taro.entity.name = "taro@example.co.jp".into();
    casebook.add(vec![detection(&travel(), &[0.0]), taro.clone()]);
    let mut snapshot = Snapshot::default();
    casebook.snapshot(&mut snapshot).unwrap();
    let broken: Vec<(String, String, String)> = snapshot
        .entries()
        .map(|(part, key, state)| {
            let state = if key.contains("hana") {
                "{}".to_owned()
            } else {
                state.to_owned()
            };
            (part.to_owned(), key.to_owned(), state)
        })
        .collect();
    let mut snapshot = Snapshot::default();
    for (part, key, state) in broken {
        snapshot.put_json(&part, key, state);
    }

    let mut restored = Casebook::default();
    restored.restore(&snapshot);

    assert!(restored.add(vec![taro]).is_empty());
    assert_eq!(restored.add(vec![detection(&travel(), &[0.0])]).announcements.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn episodes_and_incidents_follow_from_the_set_of_events(
        hours in prop::collection::vec((0_u32..4_000, 0_usize..3, 0_usize..5), 1..60), rows in 1_usize..7, restart in 1_usize..5,
    ) {
        let rules = [travel(), rule("SK-301", "session", Severity::Medium, 0.6), rule("SK-401", "lifecycle", Severity::Critical, 0.9)];
        let addresses = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "203.0.113.1"];
        let found: Vec<Detection> = hours.iter().map(|(hour, index, who)| {
            let (rule, hours) = (&rules[*index], [f64::from(*hour) / 8.0]);
            // The last is hana.
            addresses.get(*who).map_or_else(|| detection(rule, &hours), |address| from(address, rule, &hours))
        }).collect();
        let mut sorted = found.clone();
        sorted.sort_by_key(|detection| detection.evidence[0].time);
        let mut expected = Told::default();
        expected.hear(Casebook::default().add(sorted));

        let mut told = Told::default();
        let mut casebook = Casebook::default();
        for (number, found) in found.chunks(rows).enumerate() {
            told.hear(casebook.add(found.to_vec()));
            if number % restart == 0 {
                let mut snapshot = Snapshot::default();
                casebook.snapshot(&mut snapshot).unwrap();
                casebook = Casebook::default();
                casebook.restore(&snapshot);
            }
        }

        prop_assert_eq!(told.episodes(), expected.episodes());
        prop_assert_eq!(told.incidents(), expected.incidents());
        let said: BTreeSet<(String, String)> =
            told.announcements.iter().map(|said| (said.incident_id.clone(), said.occasion.key())).collect();
        prop_assert_eq!(said.len(), told.announcements.len(), "something was said twice");
        let open = |told: &Told| -> Vec<_> {
            let open = told.incidents.values().filter(|incident| incident.merged_into.is_none());
            let mut open: Vec<_> = open.map(|incident| {
                (incident.entity.clone(), incident.first_time, incident.last_time, incident.families.clone(), incident.score.to_bits())
            }).collect();
            open.sort();
            open
        };
        prop_assert_eq!(open(&told), open(&expected));
    }
}
