//! The way of a message that does not arrive at once, or at all.

use std::time::Duration;

use sekisho_alert::Outbox;
use sekisho_alert::deliver::{SCHEDULE, Step};
use sekisho_alert::outbox::{DeliveryRow, State};
use sekisho_model::Clock as _;

use crate::collector::{Collector, Reply};
use crate::support::{Place, open_incident};

async fn only_row(outbox: &Outbox) -> DeliveryRow {
    let [row] = outbox.deliveries(None, 10).await.unwrap().try_into().unwrap();
    row
}

/// Posts one message that is answered so; returns how it stands and how long it then waits.
async fn after(reply: Reply) -> (DeliveryRow, Duration) {
    let (place, collector) = (Place::new(), Collector::start(vec![reply]).await);
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    place.courier(&outbox, &collector.url).step().await.unwrap();
    let row = only_row(&outbox).await;
    let wait = row.next_attempt_at.distance(place.clock.now());
    assert!(
        !row.last_error.clone().unwrap_or_default().contains("verysecret"),
        "{row:?}"
    );
    (row, wait)
}

#[tokio::test]
async fn passing_failures_are_tried_again_by_the_schedule() {
    for reply in [
        Reply::status(408),
        Reply::status(425),
        Reply::status(429),
        Reply::status(500),
        Reply::status(502),
        Reply::status(503),
        Reply::status(504),
        Reply::Reset,
        Reply::Answer(429, "retry-after: soon\r\n", String::new()),
        Reply::Answer(503, "retry-after: -1\r\n", String::new()),
        Reply::Answer(503, "", "x".repeat(1_000_000)),
    ] {
        let (row, wait) = after(reply.clone()).await;
        assert_eq!((row.state, row.attempts), (State::Pending, 1), "{reply:?}");
        assert!(
            SCHEDULE[0].mul_f64(0.8) <= wait && wait <= SCHEDULE[0].mul_f64(1.2),
            "{reply:?}: {wait:?}"
        );
    }
}

#[tokio::test]
async fn retry_after_is_not_undercut() {
    for status in [429, 503] {
        for (header, seconds) in [
            ("retry-after: 90\r\n", 90),
            ("Retry-After: 3600\r\n", 3_600),
            ("retry-after: 86400\r\n", 3_600),
            ("retry-after: Sat, 03 Oct 2026 00:48:30 GMT\r\n", 90),
        ] {
            let (row, wait) = after(Reply::Answer(status, header, String::new())).await;
            assert_eq!(row.state, State::Pending);
            assert_eq!(wait, Duration::from_secs(seconds), "{header}");
        }
    }
}

#[tokio::test]
async fn lasting_failures_are_given_up_at_once() {
    for (status, body, error) in [
        (400, "invalid_payload", "127.0.0.1 answered 400: invalid_payload"),
        (401, "", "127.0.0.1 answered 401"),
        (403, "invalid_token", "127.0.0.1 answered 403: invalid_token"),
        (404, "Cannot POST /hook/verysecret", "127.0.0.1 answered 404"),
        (
            410,
            "channel_is_archived",
            "127.0.0.1 answered 410: channel_is_archived",
        ),
        (413, "<html>", "127.0.0.1 answered 413"),
        (302, "", "127.0.0.1 answered 302"),
    ] {
        let (row, _) = after(Reply::Answer(
            status,
            "location: http://127.0.0.1:1/\r\n",
            body.to_owned(),
        ))
        .await;
        assert_eq!((row.state, row.last_error.as_deref()), (State::Dead, Some(error)));
    }
}

#[tokio::test]
async fn nobody_listening_is_a_passing_failure() {
    let place = Place::new();
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;

    place
        .courier(&outbox, "http://127.0.0.1:1/verysecret")
        .step()
        .await
        .unwrap();

    let row = only_row(&outbox).await;
    assert_eq!(row.state, State::Pending);
    let error = row.last_error.unwrap();
    assert!(error.starts_with("127.0.0.1 cannot be reached: "), "{error}");
    assert!(!error.contains("verysecret"));
}

#[tokio::test]
async fn a_channel_that_asks_for_quiet_gets_it_for_every_message() {
    let script = vec![Reply::Answer(429, "retry-after: 60\r\n", String::new())];
    let (place, collector) = (Place::new(), Collector::start(script).await);
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    let courier = place.courier(&outbox, &collector.url);
    courier.step().await.unwrap();
    open_incident(&mut outbox, "i2", 2).await;

    // Also after a restart.
    drop((courier, outbox));
    let outbox = place.open();
    let courier = place.courier(&outbox, &collector.url);
    assert_eq!(courier.step().await.unwrap(), Step::Wait(Some(Duration::from_mins(1))));
    place.clock.advance(Duration::from_mins(1));
    while courier.step().await.unwrap() == Step::Sent {}

    assert_eq!(collector.posted().len(), 3);
    assert_eq!(outbox.deliveries(Some(State::Delivered), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn one_message_that_never_arrives_does_not_keep_back_the_others() {
    let (place, collector) = (Place::new(), Collector::start(vec![Reply::status(500); 2]).await);
    let mut outbox = place.open();
    let courier = place.courier(&outbox, &collector.url);
    open_incident(&mut outbox, "i1", 1).await;
    courier.step().await.unwrap();
    place.clock.advance(Duration::from_secs(6));
    courier.step().await.unwrap();
    open_incident(&mut outbox, "i2", 2).await;

    courier.step().await.unwrap();

    let rows = outbox.deliveries(None, 10).await.unwrap();
    let states: Vec<(&str, State)> = rows.iter().map(|row| (row.incident_id.as_str(), row.state)).collect();
    assert_eq!(states, [("i2", State::Delivered), ("i1", State::Pending)]);
}

#[tokio::test]
async fn a_channel_that_is_down_for_a_day_loses_nothing() {
    let place = Place::new();
    let mut outbox = place.open();
    for (id, position) in [("i1", 1), ("i2", 2), ("i3", 3)] {
        open_incident(&mut outbox, id, position).await;
    }
    let down = Collector::start(vec![Reply::status(503); 1_000]).await;
    let courier = place.courier(&outbox, &down.url);
    let mut passed = Duration::ZERO;
    while passed < Duration::from_hours(24) {
        if let Step::Wait(wait) = courier.step().await.unwrap() {
            place.clock.advance(wait.unwrap());
            passed += wait.unwrap();
        }
    }
    assert!(down.posted().len() < 60, "{}", down.posted().len());

    let up = Collector::start(vec![]).await;
    let courier = place.courier(&outbox, &up.url);
    place.clock.advance(Duration::from_hours(10));
    while courier.step().await.unwrap() == Step::Sent {}

    let mut before: Vec<String> = down.posted().iter().map(|posted| posted.id().to_owned()).collect();
    before.sort_unstable();
    before.dedup();
    let mut arrived: Vec<String> = up.posted().iter().map(|posted| posted.id().to_owned()).collect();
    arrived.sort_unstable();
    assert_eq!(arrived, before);
    assert_eq!(arrived.len(), 3);
}

#[tokio::test]
async fn a_channel_that_stays_down_is_given_up_and_can_be_retried_by_hand() {
    let (place, down) = (Place::new(), Collector::start(vec![Reply::status(503); 100]).await);
    let mut outbox = place.open();
    open_incident(&mut outbox, "i1", 1).await;
    let courier = place.courier(&outbox, &down.url);

    let mut passed = Duration::ZERO;
    loop {
        match courier.step().await.unwrap() {
            Step::Sent => {}
            Step::Wait(Some(wait)) => {
                place.clock.advance(wait);
                passed += wait;
            }
            Step::Wait(None) => break,
        }
    }
    let row = only_row(&outbox).await;
    assert_eq!(row.state, State::Dead);
    assert_eq!(row.last_error.as_deref(), Some("127.0.0.1 answered 503"));
    assert!(
        Duration::from_hours(60) < passed && passed <= Duration::from_hours(72),
        "{passed:?}"
    );
    assert_eq!(usize::try_from(row.attempts).unwrap(), down.posted().len());

    let up = Collector::start(vec![]).await;
    assert!(outbox.retry(&row.message_id, place.clock.now()).await.unwrap());
    assert!(!outbox.retry(&row.message_id, place.clock.now()).await.unwrap());
    place.courier(&outbox, &up.url).step().await.unwrap();

    assert_eq!(up.posted()[0].id(), row.message_id);
    assert_eq!(only_row(&outbox).await.state, State::Delivered);
}

#[tokio::test]
async fn the_address_of_a_channel_is_shown_nowhere() {
    let (place, collector) = (Place::new(), Collector::start(vec![]).await);
    let outbox = place.open();
    let courier = place.courier(&outbox, &collector.url);

    let shown = format!("{courier:?} {outbox:?}");

    assert!(!shown.contains("verysecret") && !shown.contains("MfKQ9r8"), "{shown}");
}
