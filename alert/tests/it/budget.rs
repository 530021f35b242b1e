//! How much people are told.

use std::sync::Arc;
use std::time::Duration;

use sekisho_alert::Outbox;
use sekisho_alert::bulletin::Bulletin;
use sekisho_alert::outbox::{
    Claim, Claimed, Content, DigestSettings, MESSAGES_PER_DAY, Office, PAGE_WAIT, REPEAT_WAIT, STORM_INCIDENTS, State,
};
use sekisho_alert::text::Zone;
use sekisho_model::{Findings, Occasion, Route, Severity, Time};
use sekisho_pipeline::Outbox as _;

use crate::support::{Hands, Place, START, incident, opening, says};

/// Findings as they were received at that time.
fn at(mut findings: Findings, time: Time) -> Findings {
    for announcement in &mut findings.announcements {
        announcement.observed = time;
    }
    findings
}

/// One more occasion of an incident that was opened before.
fn joins(id: &str, family: &str, page: bool, time: Time) -> Findings {
    let mut said = says(id, Occasion::Family(family.to_owned()));
    said.page = page;
    let findings = Findings {
        incidents: vec![incident(id, Severity::High)],
        announcements: vec![said],
        ..Findings::default()
    };
    at(findings, time)
}

fn after(minutes: u64) -> Time {
    START.plus(Duration::from_mins(minutes))
}

/// Everything that is due at the time of the clock, marked as arrived.
async fn told(outbox: &Outbox, now: Time) -> Vec<Claimed> {
    let mut told = Vec::new();
    while let Claim::Send(claimed) = outbox.claim("it", now).await.unwrap() {
        outbox.delivered(&claimed, now).await.unwrap();
        told.push(*claimed);
    }
    told
}

fn about(claimed: &Claimed) -> String {
    match &claimed.content {
        Content::Case(case) => case.incident.incident_id.clone(),
        Content::Bulletin(Bulletin::Storm { count, lines }) => format!("storm of {count}, {} named", lines.len()),
        Content::Bulletin(Bulletin::More { count }) => format!("{count} more"),
        Content::Bulletin(Bulletin::Digest(digest)) => format!("digest of {}: {}", digest.day, digest.count),
    }
}

async fn keep(outbox: &mut Outbox, hands: &Hands, findings: &Findings, position: i64) {
    let observed = findings.announcements[0].observed;
    let now = sekisho_model::Clock::now(hands);
    if now < observed {
        hands.advance(now.distance(observed));
    }
    outbox.keep(findings, position).await.unwrap();
}

#[tokio::test]
async fn an_incident_is_told_again_only_after_hours_and_then_with_all_that_joined() {
    let place = Place::new();
    let mut outbox = place.open();
    keep(&mut outbox, &place.clock, &at(opening("i1", Severity::High), START), 1).await;
    assert_eq!(told(&outbox, START).await.len(), 1);

    keep(&mut outbox, &place.clock, &joins("i1", "data", false, after(20)), 2).await;
    keep(&mut outbox, &place.clock, &joins("i1", "mailbox", false, after(90)), 3).await;

    assert_eq!(told(&outbox, after(239)).await, []);
    let later = told(&outbox, START.plus(REPEAT_WAIT)).await;
    assert_eq!(later.len(), 1);
    assert_eq!(later[0].occasions.len(), 2);
}

#[tokio::test]
async fn what_is_to_be_told_at_once_waits_for_minutes_at_most_and_takes_along_what_waits() {
    let place = Place::new();
    let mut outbox = place.open();
    keep(&mut outbox, &place.clock, &at(opening("i1", Severity::High), START), 1).await;
    told(&outbox, START).await;
    keep(&mut outbox, &place.clock, &joins("i1", "data", false, after(20)), 2).await;
    keep(&mut outbox, &place.clock, &joins("i1", "session", true, after(21)), 3).await;

    let paged = told(&outbox, after(21)).await;
    assert_eq!(paged.len(), 1);
    assert_eq!(paged[0].occasions.len(), 2, "what waited is told with it");

    keep(&mut outbox, &place.clock, &joins("i1", "mfa", true, after(22)), 4).await;
    keep(&mut outbox, &place.clock, &joins("i1", "privilege", true, after(23)), 5).await;
    assert_eq!(told(&outbox, after(25)).await, []);
    let grouped = told(&outbox, after(21).plus(PAGE_WAIT)).await;
    assert_eq!(grouped.len(), 1);
    assert_eq!(grouped[0].occasions.len(), 2);
}

#[tokio::test]
async fn a_channel_hears_so_much_a_day_and_then_that_there_is_more() {
    let place = Place::new();
    let mut outbox = place.open();
    let count = u64::from(MESSAGES_PER_DAY) + 3;
    for index in 0..count {
        // Far enough apart to be no storm, all on one day of the office.
        let findings = at(opening(&format!("i{index}"), Severity::High), after(20 * index));
        keep(&mut outbox, &place.clock, &findings, i64::try_from(index).unwrap() + 1).await;
    }
    let mut paging = at(opening("urgent", Severity::Critical), after(20 * count));
    paging.announcements[0].page = true;
    keep(&mut outbox, &place.clock, &paging, 100).await;

    let heard: Vec<String> = told(&outbox, after(20 * count + 2)).await.iter().map(about).collect();

    assert_eq!(heard.len(), usize::try_from(MESSAGES_PER_DAY).unwrap() + 2, "{heard:?}");
    assert!(heard.contains(&"3 more".to_owned()), "{heard:?}");
    assert!(
        heard.contains(&"urgent".to_owned()),
        "what is to be told at once does not count"
    );
    let next_day = at(opening("tomorrow", Severity::High), after(24 * 60));
    keep(&mut outbox, &place.clock, &next_day, 101).await;
    assert_eq!(told(&outbox, after(24 * 60)).await.len(), 1);
}

#[tokio::test]
async fn a_storm_is_told_in_one_message() {
    let place = Place::new();
    let mut outbox = place.open();
    let count = u64::try_from(STORM_INCIDENTS).unwrap() + 21;
    for index in 0..count {
        let mut findings = at(
            opening(&format!("i{index:02}"), Severity::Critical),
            START.plus(Duration::from_secs(index)),
        );
        findings.announcements[0].page = true;
        keep(&mut outbox, &place.clock, &findings, i64::try_from(index).unwrap() + 1).await;
    }

    let heard: Vec<String> = told(&outbox, after(3)).await.iter().map(about).collect();

    assert_eq!(heard.len(), usize::try_from(STORM_INCIDENTS).unwrap() + 1, "{heard:?}");
    assert_eq!(heard.last().unwrap(), "storm of 21, 10 named");
    // It calms down, and the next incident is told by itself.
    let later = at(opening("later", Severity::Critical), after(30));
    keep(&mut outbox, &place.clock, &later, 1_000).await;
    let heard: Vec<String> = told(&outbox, after(30)).await.iter().map(about).collect();
    assert_eq!(heard, ["later"]);
}

#[tokio::test]
async fn what_is_to_be_told_at_once_is_told_through_a_storm_of_others() {
    let place = Place::new();
    let mut outbox = place.open();
    for index in 0..STORM_INCIDENTS + 5 {
        let noise = at(opening(&format!("i{index:02}"), Severity::High), START);
        keep(&mut outbox, &place.clock, &noise, index + 1).await;
    }
    let mut leaver = at(opening("leaver", Severity::Critical), after(1));
    leaver.announcements[0].page = true;
    keep(&mut outbox, &place.clock, &leaver, 100).await;

    let heard: Vec<String> = told(&outbox, after(1)).await.iter().map(about).collect();

    assert!(heard.contains(&"leaver".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn the_worst_is_in_the_digest_however_many_there_are() {
    let place = Place::new();
    let mut outbox = place.open();
    let mut all = at(opening("z-worst", Severity::Critical), START);
    for index in 0..1_200 {
        let noise = at(opening(&format!("a{index:04}"), Severity::Medium), START);
        all.incidents.extend(noise.incidents);
        all.alerts.extend(noise.alerts);
        all.announcements.extend(noise.announcements);
    }
    keep(&mut outbox, &place.clock, &all, 1).await;
    outbox.keep_digest(morning(), START).await.unwrap();

    let told = told(&outbox, after(10)).await;

    let digest = told.iter().find_map(|claimed| match &claimed.content {
        Content::Bulletin(Bulletin::Digest(digest)) => Some(digest),
        _ => None,
    });
    assert_eq!(digest.unwrap().lines[0].incident.incident_id, "z-worst");
}

/// An office that is closed.
#[derive(Debug)]
struct Closed;

impl Office for Closed {
    fn is_open(&self, _time: Time) -> bool {
        false
    }

    fn zone(&self) -> Zone {
        Zone::UTC
    }
}

#[tokio::test]
async fn outside_office_hours_what_can_wait_waits_for_the_digest() {
    let place = Place::new();
    let mut outbox = place.open().with_office(Arc::new(Closed));
    keep(
        &mut outbox,
        &place.clock,
        &at(opening("medium", Severity::Medium), START),
        1,
    )
    .await;
    keep(
        &mut outbox,
        &place.clock,
        &at(opening("high", Severity::High), after(1)),
        2,
    )
    .await;

    let heard: Vec<String> = told(&outbox, after(1)).await.iter().map(about).collect();
    assert_eq!(heard, ["high"]);

    assert!(outbox.keep_digest(morning(), START).await.unwrap());
    let heard = told(&outbox, after(10)).await;
    let Content::Bulletin(Bulletin::Digest(digest)) = &heard[0].content else {
        panic!("{heard:?}")
    };
    let named: Vec<&str> = digest
        .lines
        .iter()
        .map(|line| line.incident.incident_id.as_str())
        .collect();
    assert_eq!(named, ["high", "medium"]);
}

fn morning() -> DigestSettings {
    DigestSettings {
        day: "2026-10-05".to_owned(),
        until: after(10),
        sign_ins: 1_234,
        sources: vec!["entra.signin".to_owned()],
        ..DigestSettings::default()
    }
}

#[tokio::test]
async fn a_digest_is_sent_once_and_a_quiet_one_once_a_week() {
    let place = Place::new();
    let outbox = place.open();

    assert!(!outbox.keep_digest(morning(), START).await.unwrap(), "nothing to tell");
    assert_eq!(outbox.digest_told_until().await.unwrap(), Some(after(10)));
    let weekly = DigestSettings {
        weekly: true,
        ..morning()
    };
    assert!(outbox.keep_digest(weekly.clone(), START).await.unwrap());
    drop(outbox);
    let outbox = place.open();
    assert!(!outbox.keep_digest(weekly, START).await.unwrap(), "known already");
    assert_eq!(told(&outbox, after(10)).await.len(), 1);
    let silent = DigestSettings {
        day: "2026-10-06".to_owned(),
        silent: vec!["mail.postfix".to_owned()],
        ..morning()
    };
    assert!(
        outbox.keep_digest(silent, START).await.unwrap(),
        "a source that is silent is something to tell"
    );
}

#[tokio::test]
async fn what_is_never_told_alone_is_in_the_digest_or_nowhere() {
    let place = Place::new();
    let mut outbox = place.open();
    for (id, route, severity) in [
        ("digest", Route::Digest, Severity::Medium),
        ("dashboard", Route::Dashboard, Severity::Low),
        ("small", Route::Incident, Severity::Low),
    ] {
        let mut findings = at(opening(id, severity), START);
        findings.incidents[0].route = route;
        keep(&mut outbox, &place.clock, &findings, 1).await;
    }
    assert_eq!(told(&outbox, after(5)).await, []);

    assert!(outbox.keep_digest(morning(), START).await.unwrap());

    let heard: Vec<String> = told(&outbox, after(10)).await.iter().map(about).collect();
    assert_eq!(heard, ["digest of 2026-10-05: 1"]);
}

#[tokio::test]
async fn an_outbox_of_the_version_before_is_taken_over() {
    let place = Place::new();
    let mut outbox = place.open();
    outbox.keep(&opening("i1", Severity::High), 1).await.unwrap();
    drop(outbox);
    let old = rusqlite::Connection::open(place.file()).unwrap();
    let columns = ["observed", "push_at", "begins", "page", "held_by", "body"];
    old.execute_batch(
        "DROP INDEX deliveries_observed; DROP INDEX deliveries_push_at; UPDATE meta SET value = 1 WHERE name = 'outbox_schema';",
    )
    .unwrap();
    for column in columns {
        old.execute(&format!("ALTER TABLE deliveries DROP COLUMN {column}"), [])
            .unwrap();
    }
    drop(old);

    let outbox = place.open();

    assert_eq!(outbox.deliveries(Some(State::Pending), 10).await.unwrap().len(), 1);
    assert_eq!(told(&outbox, START).await.len(), 1);
}
