use std::time::Duration;

use proptest::prelude::*;
use sekisho_model::{Column, EventBatch, Projection, Snapshot};

use super::{MailPostfix, sniff};
use crate::testing::{feed, received, run_cases};
use crate::{Format, Output};

#[test]
fn every_line_is_read_as_its_case_says() {
    run_cases(include_str!("cases.ndjson"), || Box::new(MailPostfix::default()), sniff);
}

const HALF_A_MAIL: [&str; 2] = [
    "Jun  5 10:11:12 mx postfix/smtpd[7]: 4A1B2C3D4E: client=a[203.0.113.9], sasl_method=LOGIN, sasl_username=hana",
    "Jun  5 10:11:13 mx postfix/cleanup[8]: 4A1B2C3D4E: message-id=<1@example.co.jp>",
];
const ACTIVE: &str =
    "Jun  5 10:11:14 mx postfix/qmgr[9]: 4A1B2C3D4E: from=<hana@example.co.jp>, size=1, nrcpt=9 (queue active)";

#[test]
fn a_mail_that_waits_too_long_is_given_out_by_the_tick_where_the_tick_stands() {
    let (mut format, mut out) = (MailPostfix::default(), Output::new(&Projection::default()));
    feed(&mut format, &HALF_A_MAIL, 0, &mut out);
    format.tick(received().plus(Duration::from_secs(599)), 10, &mut out);
    assert_eq!(out.rows.len(), 1, "only the sign-in so far");
    format.tick(received().plus(Duration::from_mins(10)), 11, &mut out);
    format.tick(received().plus(Duration::from_secs(601)), 12, &mut out);

    let batch = out.rows.finish();
    assert_eq!(batch.len(), 2);
    assert_eq!(batch.int(Column::Offset, 1), Some(11));
    assert_eq!(batch.text(Column::Activity, 1), Some("mail_send"));
    assert_eq!(batch.text(Column::ParseStatus, 1), Some("partial"));
    assert_eq!(batch.text(Column::Raw, 1).unwrap().lines().count(), 2);
}

#[test]
fn the_identity_of_a_mail_does_not_depend_on_when_it_is_given_out() {
    let identity = |finish: &dyn Fn(&mut MailPostfix, &mut Output)| {
        let (mut format, mut out) = (MailPostfix::default(), Output::new(&Projection::default()));
        feed(&mut format, &HALF_A_MAIL, 5, &mut out);
        finish(&mut format, &mut out);
        let batch = out.rows.finish();
        batch.text(Column::EventUid, 1).unwrap().to_owned()
    };
    let ticked = identity(&|format, out| format.tick(received().plus(Duration::from_mins(15)), 99, out));
    let flushed = identity(&|format, out| format.flush(out));
    let completed = identity(&|format, out| feed(format, &[ACTIVE], 77, out));
    assert_eq!(ticked, flushed);
    assert_eq!(ticked, completed);
}

#[test]
fn a_mail_goes_on_after_a_restart() {
    let mut out = Output::new(&Projection::default());
    let (mut before, mut after, mut snapshot) = (MailPostfix::default(), MailPostfix::default(), Snapshot::default());
    feed(&mut before, &HALF_A_MAIL, 0, &mut out);
    before.snapshot(&mut snapshot).unwrap();
    after.restore(&snapshot);
    feed(&mut after, &[ACTIVE], 2, &mut out);
    let batch = out.rows.finish();
    assert_eq!(batch.text(Column::Activity, 1), Some("mail_send"));
    assert_eq!(batch.text(Column::UserName, 1), Some("hana"));
    assert_eq!(batch.int(Column::ItemCount, 1), Some(9));
}

#[test]
fn mails_that_wait_are_bounded_and_the_oldest_gives_way() {
    let lines: Vec<String> = (0..9000)
        .map(|n| format!("Jun  5 10:11:12 mx postfix/cleanup[7]: {n:010X}: message-id=<{n}@example.com>"))
        .collect();
    let (mut format, mut out) = (MailPostfix::default(), Output::new(&Projection::default()));
    feed(&mut format, &lines, 0, &mut out);
    let batch = out.rows.finish();
    assert_eq!(batch.len(), 9000 - 8192);
    assert_eq!(batch.text(Column::Resource, 0), Some("<0@example.com>"));
    assert_eq!(batch.int(Column::Offset, 0), Some(8192));
}

#[test]
fn a_long_line_keeps_only_so_much_while_it_waits() {
    let long = format!(
        "Jun  5 10:11:13 mx postfix/cleanup[8]: 4A1B2C3D4E: message-id=<{}>",
        "あ".repeat(100_000)
    );
    let (mut format, mut snapshot) = (MailPostfix::default(), Snapshot::default());
    feed(&mut format, &[long], 0, &mut Output::new(&Projection::default()));
    format.snapshot(&mut snapshot).unwrap();
    let bytes: usize = snapshot.entries().map(|(_, key, state)| key.len() + state.len()).sum();
    assert!(bytes < 8192, "{bytes} bytes");
}

/// Lines of few mails on few hosts, so that they meet; each has a process id of its own.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let shapes = prop::sample::select(vec![
        "smtpd[PID]: QID: client=a[203.0.113.9], sasl_method=LOGIN, sasl_username=hana",
        "smtpd[PID]: QID: client=a[203.0.113.9]",
        "pickup[PID]: QID: uid=0 from=<root>",
        "cleanup[PID]: QID: message-id=<1@example.com>",
        "qmgr[PID]: QID: from=<a@example.com>, size=1, nrcpt=2 (queue active)",
        "qmgr[PID]: QID: removed",
        "smtp[PID]: QID: to=<b@example.com>, relay=x[198.51.100.1]:25, delay=1, dsn=2.0.0, status=sent (ok)",
        "smtpd[PID]: connect from a[203.0.113.9]",
        "smtpd[PID]: nonsense",
    ]);
    let line = (shapes, 0..3u8, 0..2u8);
    prop::collection::vec(line, 0..60).prop_map(|lines| {
        let line = |(n, (shape, id, host)): (usize, (&str, u8, u8))| {
            let shape = shape
                .replace("PID", &format!("p{n}"))
                .replace("QID", &format!("ABCDEF0{id}"));
            format!("Jun  5 10:11:12 mx{host} postfix/{shape}")
        };
        lines.into_iter().enumerate().map(line).collect()
    })
}

fn is_joined(batch: &EventBatch, row: usize) -> bool {
    batch
        .text(Column::Native, row)
        .is_some_and(|native| native.contains("\"lines\":"))
}

proptest! {
    #[test]
    fn every_line_gives_one_row_of_its_own_or_is_part_of_one_joined_row(lines in lines(), ticks in any::<bool>()) {
        let (mut format, mut out) = (MailPostfix::default(), Output::new(&Projection::default()));
        feed(&mut format, &lines, 0, &mut out);
        if ticks {
            format.tick(received().plus(Duration::from_hours(1)), 100, &mut out);
        }
        format.flush(&mut out);
        let batch = out.rows.finish();
        for (n, line) in lines.iter().enumerate() {
            let token = format!("[p{n}]");
            let holds = |row: &usize| batch.text(Column::Raw, *row).unwrap().contains(&token);
            let (joined, own): (Vec<usize>, Vec<usize>) =
                (0..batch.len()).filter(holds).partition(|row| is_joined(&batch, *row));
            let signs_in = line.contains("sasl_username");
            prop_assert!(own.len() == 1 && joined.is_empty() || joined.len() == 1 && own.len() == usize::from(signs_in),
                "{}: {} own, {} joined", line, own.len(), joined.len());
        }
        prop_assert!(out.rejects.is_empty());
    }

    #[test]
    fn a_restart_between_any_two_lines_changes_nothing(lines in lines(), cut in 0..60usize) {
        let cut = cut.min(lines.len());
        let (mut whole, mut out) = (MailPostfix::default(), Output::new(&Projection::default()));
        feed(&mut whole, &lines, 0, &mut out);
        whole.flush(&mut out);
        let expected = out.rows.finish();

        let (mut first, mut second, mut snapshot) = (MailPostfix::default(), MailPostfix::default(), Snapshot::default());
        feed(&mut first, &lines[..cut], 0, &mut out);
        first.snapshot(&mut snapshot).unwrap();
        second.restore(&snapshot);
        feed(&mut second, &lines[cut..], i64::try_from(cut).unwrap(), &mut out);
        second.flush(&mut out);
        let found = out.rows.finish();
        prop_assert_eq!(expected.columns(), found.columns());
    }
}
