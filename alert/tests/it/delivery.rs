//! The way of a message that arrives.

use std::time::Duration;

use sekisho_alert::channel::webhook::{SigningKey, signature};
use sekisho_alert::deliver::Step;
use sekisho_alert::outbox::{Claim, State};
use sekisho_alert::{ChannelKind, Courier, Delivery, Secret};
use sekisho_model::{Findings, Lang, Occasion, Severity};
use sekisho_pipeline::Outbox as _;
use tokio_util::sync::CancellationToken;

use crate::collector::{Collector, Reply};
use crate::support::{KEY, Place, START, incident, open_incident, opening, says};

const IDLE: Step = Step::Wait(None);

#[tokio::test]
async fn a_message_arrives_once_and_signed() {
    let (place, collector) = (Place::new(), Collector::start(vec![]).await);
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    let courier = place.courier(&outbox, &collector.url);

    assert_eq!(courier.step().await.unwrap(), Step::Sent);
    assert_eq!(courier.step().await.unwrap(), IDLE);

    let [posted] = collector.posted().try_into().unwrap();
    let rows = outbox.deliveries(None, 10).await.unwrap();
    assert_eq!(posted.id(), rows[0].message_id);
    assert_eq!(rows[0].state, State::Delivered);
    assert_eq!(posted.headers["content-type"], "application/json");
    assert_eq!(posted.headers["webhook-timestamp"], START.secs().to_string());
    let key = SigningKey::parse(&Secret::new(KEY)).unwrap();
    assert_eq!(
        posted.headers["webhook-signature"],
        signature(&[key], posted.id(), START.secs(), &posted.body)
    );
    let body = posted.json();
    assert_eq!(body["type"], "incident.opened");
    assert_eq!(body["data"]["incident"]["incident_id"], "i1");
    assert_eq!(body["data"]["alerts"][0]["evidence"].as_array().unwrap().len(), 2);
    assert_eq!(body["data"]["resent"], false);
}

#[tokio::test]
async fn what_belongs_together_is_told_together() {
    let (place, collector) = (Place::new(), Collector::start(vec![]).await);
    let mut outbox = place.open().with_group_wait(Duration::from_secs(5));
    let courier = place.courier(&outbox, &collector.url);

    open_incident(&mut outbox, "i1", 1).await;
    assert_eq!(courier.step().await.unwrap(), Step::Wait(Some(Duration::from_secs(5))));
    place.clock.advance(Duration::from_secs(3));
    let worse = Findings {
        incidents: vec![incident("i1", Severity::Critical)],
        announcements: vec![
            says("i1", Occasion::Severity(Severity::Critical)),
            says("i1", Occasion::Family("data".to_owned())),
        ],
        ..Findings::default()
    };
    outbox.keep(&worse, 2).await.unwrap();
    place.clock.advance(Duration::from_secs(2));
    assert_eq!(courier.step().await.unwrap(), Step::Sent);
    assert_eq!(courier.step().await.unwrap(), IDLE);

    let [posted] = collector.posted().try_into().unwrap();
    assert_eq!(posted.json()["data"]["incident"]["severity"], "critical");
    let rows = outbox.deliveries(Some(State::Delivered), 10).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows.iter()
            .filter(|row| row.told_with.as_deref() == Some(posted.id()))
            .count(),
        2
    );
}

#[tokio::test]
async fn a_stop_between_marking_and_sending_costs_one_repetition_with_the_same_id() {
    let (place, collector) = (Place::new(), Collector::start(vec![]).await);
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    let Claim::Send(claimed) = outbox.claim("it", START).await.unwrap() else {
        panic!("nothing to send")
    };
    drop(outbox);

    let outbox = place.open();
    let courier = place.courier(&outbox, &collector.url);
    assert_eq!(courier.step().await.unwrap(), Step::Sent);
    assert_eq!(courier.step().await.unwrap(), IDLE);

    let [posted] = collector.posted().try_into().unwrap();
    assert_eq!(posted.id(), claimed.message_id);
    assert_eq!(posted.json()["data"]["resent"], true);
    assert!(posted.json()["data"]["text"].as_str().unwrap().starts_with("(resent) "));
}

#[tokio::test]
async fn a_stop_before_the_answer_is_noted_costs_one_repetition_with_the_same_id() {
    let (place, collector) = (Place::new(), Collector::start(vec![Reply::Hang]).await);
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    open_incident(&mut outbox, "i2", 2).await;
    let courier = place.courier(&outbox, &collector.url);
    let under_way = tokio::spawn(async move { courier.step().await });
    collector.wait_for(1).await;
    under_way.abort();
    drop(outbox);

    let outbox = place.open();
    let courier = place.courier(&outbox, &collector.url);
    while courier.step().await.unwrap() == Step::Sent {}

    let ids: Vec<String> = collector.posted().iter().map(|posted| posted.id().to_owned()).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1], "what was under way comes first");
    assert_ne!(ids[1], ids[2]);
}

#[tokio::test]
async fn slack_is_told_in_its_blocks() {
    let (place, collector) = (Place::new(), Collector::start(vec![]).await);
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    let mut settings = place.settings(ChannelKind::Slack, &collector.url);
    settings.lang = Lang::Ja;
    let courier = Courier::new(outbox.clone(), settings, jiff::tz::TimeZone::UTC, place.clock()).unwrap();

    courier.step().await.unwrap();

    let [posted] = collector.posted().try_into().unwrap();
    assert_eq!(
        posted.json()["blocks"][0]["text"]["text"],
        "【高】移動不可能なサインイン：taro@example.co.jp"
    );
    assert!(!posted.headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn the_delivery_hears_of_new_messages_and_stops_when_told() {
    let (place, collector) = (Place::new(), Collector::start(vec![]).await);
    let mut outbox = place.open();
    let channels = vec![place.settings(ChannelKind::Webhook, &collector.url)];
    let delivery = Delivery::new(&outbox, channels, &jiff::tz::TimeZone::UTC, &place.clock()).unwrap();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(delivery.run(shutdown.clone()));

    open_incident(&mut outbox, "i1", 1).await;
    collector.wait_for(1).await;
    shutdown.cancel();

    running.await.unwrap();
    assert_eq!(collector.posted().len(), 1);
}

#[tokio::test]
async fn a_stop_waits_for_the_answer_that_is_under_way() {
    let collector = Collector::start(vec![Reply::Slow(204, Duration::from_millis(300))]).await;
    let place = Place::new();
    let mut outbox = place.open();
    let channels = vec![place.settings(ChannelKind::Webhook, &collector.url)];
    let delivery = Delivery::new(&outbox, channels, &jiff::tz::TimeZone::UTC, &place.clock()).unwrap();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(delivery.run(shutdown.clone()));

    outbox.keep(&opening("i1", Severity::High), 1).await.unwrap();
    collector.wait_for(1).await;
    shutdown.cancel();
    running.await.unwrap();

    assert_eq!(outbox.deliveries(None, 1).await.unwrap()[0].state, State::Delivered);
}

#[tokio::test]
async fn a_test_message_leaves_the_outbox_alone() {
    let (place, collector) = (
        Place::new(),
        Collector::start(vec![Reply::status(204), Reply::status(403)]).await,
    );
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    let courier = place.courier(&outbox, &collector.url);
    let case = outbox.incident("i1").await.unwrap().unwrap();

    courier.send_test(&case).await.unwrap();
    let error = courier.send_test(&case).await.unwrap_err();

    assert_eq!(error.to_string(), "127.0.0.1 answered 403");
    assert_eq!(collector.posted()[0].json()["type"], "test");
    assert_eq!(outbox.deliveries(None, 1).await.unwrap()[0].state, State::Pending);
}
