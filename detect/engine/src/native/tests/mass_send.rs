//! Waves of mail.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sekisho_model::{Detection, Severity, Time};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, row, rule};

/// A mail: sent in this minute, to so many.
fn mail(index: usize, minute: i64, recipients: i64) -> Row {
    row(&json!({
        "time": Time::from_secs(1_790_035_200 + minute * 60).to_string(), "event_uid": index.to_string(),
        "activity": "mail_send", "status_id": 1, "user_name": "hana@example.co.jp", "item_count": recipients,
    }))
}

fn find(rows: &[Row], batch_rows: usize) -> Vec<Detection> {
    let mut detector = detector(
        "mass_send",
        rule("SK-501", "mailbox", Severity::Critical, 0.9),
        &Value::Null,
    );
    let mut found = Vec::new();
    for rows in rows.chunks(batch_rows) {
        detector.observe(&batch(rows).unwrap(), &mut found);
    }
    found
}

fn events(found: &[Detection]) -> BTreeSet<usize> {
    let evidence: Vec<usize> = found
        .iter()
        .flat_map(|detection| &detection.evidence)
        .map(|evidence| evidence.event_uid.parse().unwrap())
        .collect();
    let events: BTreeSet<usize> = evidence.iter().copied().collect();
    assert_eq!(evidence.len(), events.len(), "evidence told twice");
    events
}

/// Mails of `(minute, recipients)`, and which of them are hot.
fn check(mails: &[(i64, i64)], expected: &[usize]) {
    let mut rows: Vec<Row> = mails
        .iter()
        .enumerate()
        .map(|(index, (minute, count))| mail(index, *minute, *count))
        .collect();
    for _ in 0..2 {
        for batch_rows in [1, 2, rows.len()] {
            assert_eq!(
                events(&find(&rows, batch_rows)),
                expected.iter().copied().collect(),
                "{mails:?}"
            );
        }
        rows.reverse();
    }
}

#[test]
fn the_whole_wave_is_told_and_nothing_around_it() {
    check(&[(0, 1), (100, 40), (110, 30), (160, 30), (300, 5)], &[1, 2, 3]);
}

#[test]
fn a_window_is_an_hour_with_both_ends() {
    check(&[(0, 50), (60, 50)], &[0, 1]);
    check(&[(0, 50), (61, 50)], &[]);
}

#[test]
fn one_mail_to_many_is_a_wave() {
    check(&[(0, 100)], &[0]);
    check(&[(0, 99)], &[]);
}

#[test]
fn only_mail_that_was_sent_counts() {
    for (column, value) in [
        ("status_id", json!(2)),
        ("activity", json!("mail_access")),
        ("user_name", json!("taro")),
    ] {
        let mut other = mail(1, 1, 60);
        other.insert(column.to_owned(), value);
        assert!(find(&[mail(0, 0, 60), other], 2).is_empty());
    }
}

#[test]
fn a_mail_without_a_count_has_one_recipient_and_a_negative_count_none() {
    let mut one = mail(1, 1, 0);
    one.remove("item_count");
    assert_eq!(events(&find(&[mail(0, 0, 99), one], 2)).len(), 2);
    check(&[(0, 99), (1, -5), (2, 1)], &[0, 1, 2]);
}

#[test]
fn a_repeated_mail_counts_once_and_an_update_with_the_larger_count() {
    assert!(find(&[mail(0, 0, 60), mail(0, 0, 60)], 1).is_empty());
    assert_eq!(
        events(&find(&[mail(0, 0, 60), mail(0, 0, 100), mail(0, 0, 60)], 1)).len(),
        1
    );
    // An update that states another time is the same mail still.
    assert!(find(&[mail(0, 0, 60), mail(0, 5, 60)], 1).is_empty());
}

#[test]
fn the_facts_tell_the_heaviest_hour_of_the_wave() {
    let rows = [mail(0, 0, 60), mail(1, 30, 60), mail(2, 80, 80), mail(3, 300, 100)];

    let found = find(&rows, 4);

    assert_eq!(found.len(), 2);
    assert_eq!(found[0].facts["recipients"], json!(140));
    assert_eq!(found[0].facts["messages"], json!(2));
    assert_eq!(found[0].facts["window_minutes"], json!(60));
    assert_eq!(found[0].facts["threshold"], json!(100));
    assert_eq!(found[1].facts["recipients"], json!(100));
    // One by one, what comes last tells of the wave it joins.
    assert_eq!(find(&rows[..3], 1).last().unwrap().facts, found[0].facts);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mail_is_hot_if_some_hour_with_it_reaches_the_threshold(
        mails in prop::collection::vec((0_i64..400, 0_i64..40), 1..40), batch_rows in 1_usize..8,
    ) {
        let rows: Vec<Row> = mails.iter().enumerate().map(|(index, (minute, count))| mail(index, *minute, *count)).collect();
        let hot = |minute: i64| mails.iter().any(|(start, _)| {
            let sum: i64 = mails.iter().filter(|(at, _)| (*start..=start + 60).contains(at)).map(|(_, count)| count).sum();
            (*start..=start + 60).contains(&minute) && sum >= 100
        });
        let expected: BTreeSet<usize> = (0..mails.len()).filter(|index| hot(mails[*index].0)).collect();

        prop_assert_eq!(events(&find(&rows, batch_rows)), expected);
    }
}

#[test]
fn mail_from_an_unfamiliar_place_and_mail_that_comes_back_have_thresholds_of_their_own() {
    let odd = |index, minute, nats: f64| {
        let mut mail = mail(index, minute, 30);
        mail.insert("unfamiliarity".to_owned(), json!(nats));
        mail
    };
    assert_eq!(events(&find(&[odd(0, 0, 3.0), odd(1, 10, 4.0)], 2)).len(), 2);
    assert!(find(&[odd(0, 0, 3.0), odd(1, 11, 4.0)], 2).is_empty());
    assert!(find(&[odd(0, 0, 2.9), odd(1, 10, 4.0)], 2).is_empty());

    let bounce = |index, minute| {
        let mut mail = mail(index, minute, 1);
        mail.insert("status_id".to_owned(), json!(2));
        mail
    };
    let bounces: Vec<Row> = (0..20)
        .map(|index| bounce(index, i64::try_from(index).unwrap() / 2))
        .collect();
    let found = find(&bounces, 7);
    assert_eq!(events(&found).len(), 20);
    assert_eq!(found.last().unwrap().facts["bounces"], json!(20));
    assert!(find(&bounces[1..], 7).is_empty());
}

#[test]
fn an_account_that_the_provider_stopped_is_told_at_once() {
    let mut notice = mail(0, 0, 1);
    notice.insert("activity".to_owned(), json!("other"));
    assert!(find(&[notice.clone()], 1).is_empty());
    notice.insert("resource".to_owned(), json!("User restricted from sending email"));
    assert_eq!(events(&find(&[notice], 1)).len(), 1);
}

#[test]
fn who_writes_much_each_day_may_write_more_and_a_notice_to_all_the_staff_is_no_wave() {
    let day = 24 * 60;
    let mut rows: Vec<Row> = (0..6)
        .map(|day_index| mail(day_index, i64::try_from(day_index).unwrap() * day, 30))
        .collect();
    rows.push(mail(6, 9 * day, 200));
    assert!(find(&rows, 3).is_empty(), "240 would be eight times the busiest hour");
    rows.push(mail(7, 9 * day + 1, 40));
    assert_eq!(events(&find(&rows, 3)), [6, 7].into());
    rows.reverse();
    assert_eq!(events(&find(&rows, 8)), [6, 7].into());

    let mut notice = mail(0, 0, 300);
    notice.insert("active_people".to_owned(), json!(280));
    assert!(find(&[notice.clone()], 1).is_empty());
    notice.insert("active_people".to_owned(), json!(270));
    assert_eq!(find(&[notice], 1).len(), 1);
}
