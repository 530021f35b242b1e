//! Keeping findings: once, whatever is repeated.

use std::time::Duration;

use proptest::prelude::*;
use sekisho_alert::outbox::{Claim, Claimed, Content, State};
use sekisho_alert::{Outbox, OutboxError};
use sekisho_model::{Findings, Lang, Occasion, Severity};
use sekisho_pipeline::Outbox as _;

use crate::support::{Place, START, alert, incident, open_incident, opening, says};

async fn states(outbox: &Outbox) -> Vec<(String, State)> {
    let mut rows = outbox.deliveries(None, 100).await.unwrap();
    rows.extend(outbox.deliveries(Some(State::Held), 100).await.unwrap());
    let mut states: Vec<(String, State)> = rows
        .into_iter()
        .map(|row| {
            (
                format!("{} {}", row.incident_id, row.occasion.unwrap().key()),
                row.state,
            )
        })
        .collect();
    states.sort_by(|a, b| a.0.cmp(&b.0));
    states
}

fn case(claimed: &Claimed) -> &sekisho_alert::Case {
    let case = match &claimed.content {
        Content::Case(case) => Some(case),
        Content::Bulletin(_) => None,
    };
    case.unwrap()
}

fn rises(id: &str, to: Severity) -> Findings {
    Findings {
        incidents: vec![incident(id, to)],
        announcements: vec![says(id, Occasion::Severity(to))],
        ..Findings::default()
    }
}

#[tokio::test]
async fn an_incident_below_the_level_speaks_when_it_rises_above() {
    let place = Place::new();
    let mut outbox = place.open();

    outbox.keep(&opening("i1", Severity::Low), 1).await.unwrap();
    assert_eq!(outbox.claim("it", START).await.unwrap(), Claim::Wait(None));
    outbox.keep(&rises("i1", Severity::High), 2).await.unwrap();

    let Claim::Send(claimed) = outbox.claim("it", START).await.unwrap() else {
        panic!("nothing to send")
    };
    assert_eq!(claimed.occasions, [Occasion::Severity(Severity::High)]);
    assert_eq!(case(&claimed).incident.severity, Severity::High);
    assert!(claimed.companions.is_empty(), "what was held back stays so");
}

#[tokio::test]
async fn a_replay_in_one_piece_says_nothing_that_was_held_back() {
    let place = Place::new();
    let mut outbox = place.open();
    outbox.keep(&opening("i1", Severity::Low), 1).await.unwrap();
    outbox.keep(&rises("i1", Severity::High), 2).await.unwrap();
    let before = states(&outbox).await;

    let mut together = opening("i1", Severity::High);
    together.announcements.extend(rises("i1", Severity::High).announcements);
    outbox.keep(&together, 3).await.unwrap();

    assert_eq!(states(&outbox).await, before);
}

#[tokio::test]
async fn a_replay_does_not_set_an_incident_back() {
    let place = Place::new();
    let mut outbox = place.open();
    outbox.keep(&opening("i1", Severity::Medium), 1).await.unwrap();
    outbox.keep(&rises("i1", Severity::Critical), 2).await.unwrap();

    outbox.keep(&opening("i1", Severity::Medium), 1).await.unwrap();

    let case = outbox.incident("i1").await.unwrap().unwrap();
    assert_eq!(case.incident.severity, Severity::Critical);
    assert_eq!(outbox.position().await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_log_that_begins_anew_is_not_ignored() {
    let place = Place::new();
    let mut outbox = place.open();
    outbox.keep(&opening("i1", Severity::High), 1_000).await.unwrap();

    outbox.keep(&opening("i2", Severity::Medium), 1).await.unwrap();
    outbox.keep(&rises("i2", Severity::Critical), 2).await.unwrap();

    assert_eq!(
        outbox.incident("i2").await.unwrap().unwrap().incident.severity,
        Severity::Critical
    );
    assert_eq!(states(&outbox).await.len(), 3);
}

#[tokio::test]
async fn evidence_is_kept_once_and_merged_alerts_are_told_in_one() {
    let place = Place::new();
    let mut outbox = place.open();
    let found = |alerts| Findings {
        alerts,
        incidents: vec![incident("i1", Severity::High)],
        ..Findings::default()
    };
    outbox
        .keep(&found(vec![alert("a1", "i1", &["e1", "e2"])]), 1)
        .await
        .unwrap();
    outbox
        .keep(&found(vec![alert("a2", "i1", &["e2", "e3"])]), 2)
        .await
        .unwrap();
    let mut merged = alert("a2", "i1", &[]);
    merged.alert.merged_into = Some("a1".to_owned());
    let mut grown = alert("a1", "i1", &["e2", "e4"]);
    grown.alert.evidence_count = 4;
    outbox.keep(&found(vec![merged, grown]), 3).await.unwrap();

    let lines = outbox.alert_lines(Lang::Ja, &jiff::tz::TimeZone::UTC).await.unwrap();

    assert_eq!(lines.len(), 1);
    let uids: Vec<&str> = lines[0].evidence.iter().map(|event| event.event_uid.as_str()).collect();
    assert_eq!(uids, ["e1", "e2", "e3", "e4"]);
    assert_eq!(lines[0].title, "移動不可能なサインイン");
    let counts = outbox.counts().await.unwrap();
    assert_eq!((counts.incidents, counts.alerts), (1, 1));
}

#[tokio::test]
async fn messages_of_merged_incidents_are_told_as_one() {
    let place = Place::new();
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    open_incident(&mut outbox, "i2", 2).await;
    let mut younger = incident("i2", Severity::High);
    younger.merged_into = Some("i1".to_owned());
    outbox
        .keep(
            &Findings {
                incidents: vec![younger],
                ..Findings::default()
            },
            3,
        )
        .await
        .unwrap();

    let Claim::Send(claimed) = outbox.claim("it", START).await.unwrap() else {
        panic!("nothing to send")
    };

    assert_eq!(case(&claimed).incident.incident_id, "i1");
    assert_eq!(case(&claimed).alerts.len(), 2);
    assert_eq!(claimed.companions.len(), 1);
    assert_eq!(outbox.incidents(Severity::Low, 10).await.unwrap().len(), 1);
    assert_eq!(outbox.incident("i2").await.unwrap().unwrap().incident.incident_id, "i1");
    assert_eq!(outbox.incident("i").await.unwrap(), None, "it names two");
}

#[tokio::test]
async fn a_message_that_cannot_be_read_does_not_stand_in_the_way() {
    let place = Place::new();
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    open_incident(&mut outbox, "i2", 2).await;
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other
        .execute("UPDATE incidents SET body = '{}' WHERE incident_id = 'i1'", [])
        .unwrap();

    let Claim::Send(claimed) = outbox.claim("it", START).await.unwrap() else {
        panic!("nothing to send")
    };

    assert_eq!(case(&claimed).incident.incident_id, "i2");
    assert_eq!(states(&outbox).await[0], ("i1 opened".to_owned(), State::Dead));
}

#[tokio::test]
async fn a_message_can_be_dropped_by_hand() {
    let place = Place::new();
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    let id = outbox.deliveries(None, 1).await.unwrap()[0].message_id.clone();

    assert!(outbox.give_up(&id, START).await.unwrap());
    assert!(!outbox.give_up(&id, START).await.unwrap());

    assert_eq!(outbox.claim("it", START).await.unwrap(), Claim::Wait(None));
}

#[tokio::test]
async fn a_position_alone_is_written_once_a_second() {
    let place = Place::new();
    let mut outbox = place.open();
    let nothing = Findings::default();

    for position in 1..=3 {
        outbox.keep(&nothing, position).await.unwrap();
    }
    assert_eq!(outbox.position().await.unwrap(), Some(1));
    place.clock.advance(Duration::from_secs(1));
    outbox.keep(&nothing, 4).await.unwrap();
    assert_eq!(outbox.position().await.unwrap(), Some(4));
    open_incident(&mut outbox, "i1", 5).await;
    assert_eq!(outbox.position().await.unwrap(), Some(5));
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused() {
    let place = Place::new();
    drop(place.open());
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other
        .execute("UPDATE meta SET value = 99 WHERE name = 'outbox_schema'", [])
        .unwrap();

    let error = Outbox::open(&place.file(), vec![], place.clock()).unwrap_err();

    let OutboxError::Open { source, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        source.to_string(),
        "the outbox has schema 99, and this version knows up to 2"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;

    for suffix in ["", "-wal"] {
        let file = format!("{}{suffix}", place.file().display());
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600,
            "{file}"
        );
    }
}

/// A history: at each position an incident opens, rises or is joined by a family.
fn history() -> impl Strategy<Value = Vec<Findings>> {
    let levels = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let step = (0..3_usize, 0..4_usize, any::<bool>());
    prop::collection::vec(step, 1..8).prop_map(move |steps| {
        let mut known: [Option<usize>; 3] = [None; 3];
        let mut all = Vec::new();
        for (number, (index, level, joins)) in steps.into_iter().enumerate() {
            let id = format!("i{index}");
            let rank = known[index].map_or(level, |before| before.max(level));
            let mut findings = opening(&id, levels[rank]);
            findings.alerts = vec![alert(&format!("a{index}"), &id, &[format!("e{number}").as_str()])];
            let occasion = match known[index] {
                None => Occasion::Opened,
                Some(before) if before < rank => Occasion::Severity(levels[rank]),
                Some(_) if joins => Occasion::Family(format!("f{number}")),
                Some(_) => Occasion::Family("f".to_owned()),
            };
            findings.announcements = vec![says(&id, occasion)];
            known[index] = Some(rank);
            all.push(findings);
        }
        all
    })
}

fn together(parts: &[Findings]) -> Findings {
    let mut whole = Findings::default();
    for part in parts {
        whole.alerts.extend(part.alerts.clone());
        whole.incidents.extend(part.incidents.clone());
        whole.announcements.extend(part.announcements.clone());
    }
    whole
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Stops anywhere, goes on from anywhere before, and cuts what it reads anew.
    #[test]
    fn a_replay_changes_nothing(all in history(), stop in 0..8_usize, back in 0..8_usize, cut in 1..4_usize) {
        let stop = stop.min(all.len());
        let back = back.min(stop);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (straight, broken) = (Place::new(), Place::new());
            let mut outbox = straight.open();
            for (position, findings) in (1..).zip(&all) {
                outbox.keep(findings, position).await.unwrap();
            }
            let mut other = broken.open();
            for (position, findings) in (1..).zip(&all[..stop]) {
                other.keep(findings, position).await.unwrap();
            }
            drop(other);
            let mut other = broken.open();
            let mut position = i64::try_from(back).unwrap();
            for part in all[back..].chunks(cut) {
                position += i64::try_from(part.len()).unwrap();
                other.keep(&together(part), position).await.unwrap();
            }

            let ids = |states: Vec<(String, State)>| states.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
            assert_eq!(ids(states(&other).await), ids(states(&outbox).await));
            for index in 0..3 {
                let id = format!("i{index}");
                assert_eq!(other.incident(&id).await.unwrap(), outbox.incident(&id).await.unwrap());
            }
            // What the first run decided is not decided anew.
            let decided = states(&other).await;
            for (position, findings) in (1..).zip(&all) {
                other.keep(findings, position).await.unwrap();
            }
            assert_eq!(states(&other).await, decided);
        });
    }
}
