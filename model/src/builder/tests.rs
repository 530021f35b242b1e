use super::*;
use crate::Origin;

fn origin() -> Origin {
    Origin {
        tenant: "default".into(),
        source: "linux.sshd".into(),
        label: "file:auth.log#0".into(),
        log: "auth.log".into(),
        backfill: true,
    }
}

#[test]
fn a_row_of_a_wrapped_line_has_the_whole_record() {
    let origin = origin();
    let raw = |bytes| Raw {
        origin: &origin,
        offset: 7,
        observed: Time::from_secs(100),
        bytes,
    };
    let mut builder = EventBuilder::new(&Projection::default());
    builder.wrap(Some(Wrapping {
        line: b"line".to_vec(),
        record: "{\"message\": \"line\"}".to_owned(),
        native_id: Some("cursor".to_owned()),
    }));
    for bytes in [&b"line"[..], b"an earlier line"] {
        builder.begin(&raw(bytes), "linux.sshd", 0);
        builder.end();
    }
    builder.wrap(None);
    builder.begin(&raw(b"line"), "linux.sshd", 0);
    builder.end();

    let batch = builder.finish();

    let rows: Vec<_> = (0..3)
        .map(|row| {
            (
                batch.text(Column::Raw, row).unwrap(),
                batch.display(Column::HasNativeId, row).unwrap(),
            )
        })
        .collect();
    let expected = [
        ("{\"message\": \"line\"}", "true".to_owned()),
        ("an earlier line", "false".to_owned()),
        ("line", "false".to_owned()),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_row_has_the_values_that_were_set_and_null_elsewhere() {
    let origin = origin();
    let raw = Raw {
        origin: &origin,
        offset: 7,
        observed: Time::from_secs(100),
        bytes: b"line",
    };
    let mut builder = EventBuilder::new(&Projection::new(["a.b"]));

    builder.begin(&raw, "linux.sshd", 0);
    builder.text(Column::UserName, "root");
    builder.text(Column::UserName, "hana");
    builder.text(Column::SrcIp, "-");
    builder.time(Column::Time, Time::from_secs(86_400));
    builder.side(0, "native");
    builder.end();
    let batch = builder.finish();

    assert_eq!(batch.len(), 1);
    assert_eq!(batch.text(Column::UserName, 0), Some("hana"));
    assert_eq!(batch.text(Column::SrcIp, 0), None);
    assert_eq!(batch.int(Column::Date, 0), Some(1));
    assert_eq!(batch.int(Column::Offset, 0), Some(7));
    assert_eq!(batch.side("a.b").unwrap().get(0), Some("native"));
    assert_eq!(batch.observed(0), Time::from_secs(86_400));
    assert!(builder.is_empty());
}

#[test]
fn a_clock_that_is_ahead_is_flagged() {
    for (ahead, backfill, expected) in [(299, false, "ok"), (301, false, "partial"), (301, true, "ok")] {
        let origin = Origin { backfill, ..origin() };
        let raw = Raw {
            origin: &origin,
            offset: 0,
            observed: Time::from_secs(1000),
            bytes: b"",
        };
        let mut builder = EventBuilder::new(&Projection::default());
        builder.begin(&raw, "linux.sshd", 0);
        builder.time(Column::Time, Time::from_secs(1000 + ahead));
        builder.end();
        assert_eq!(
            builder.finish().text(Column::ParseStatus, 0),
            Some(expected),
            "{ahead} {backfill}"
        );
    }
}

#[test]
fn who_did_it_is_left_off_where_it_is_the_account_itself() {
    let origin = origin();
    let raw = Raw {
        origin: &origin,
        offset: 0,
        observed: Time::from_secs(5),
        bytes: b"",
    };
    let mut builder = EventBuilder::new(&Projection::default());
    for actor in ["hana", "taro"] {
        builder.begin(&raw, "linux.sshd", 0);
        builder.text(Column::ActorName, actor);
        builder.text(Column::UserName, "hana");
        builder.end();
    }
    let batch = builder.finish();

    assert_eq!(batch.text(Column::ActorName, 0), None);
    assert_eq!(batch.text(Column::ActorName, 1), Some("taro"));
}

#[test]
fn without_a_time_the_row_is_partial_and_takes_the_time_of_receipt() {
    let origin = origin();
    let raw = Raw {
        origin: &origin,
        offset: 0,
        observed: Time::from_secs(5),
        bytes: b"",
    };
    let mut builder = EventBuilder::new(&Projection::default());

    builder.begin(&raw, "linux.sshd", 0);
    builder.end();
    let batch = builder.finish();

    assert_eq!(batch.time(0), Time::from_secs(5));
    assert_eq!(batch.text(Column::ParseStatus, 0), Some("partial"));
}
