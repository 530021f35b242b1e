//! A log whose rows, rejects and findings follow from the offsets alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sekisho_model::{
    Alert, AlertUpdate, Bilingual, Column, Entity, EntityKind, EventBatch, EventBuilder, Evidence, Findings, Incident,
    Origin, Projection, Raw, Reject, Route, RuleInfo, Severity, Snapshot, Time,
};
use sekisho_pipeline::{Epoch, Tables};
use sekisho_store::{Recovered, Sql, Store, StoreError};

/// When the first record was received.
pub(crate) const START: Time = Time::from_secs(1_790_000_000);

fn origin() -> Origin {
    Origin {
        tenant: "default".into(),
        source: "linux.sshd".into(),
        label: "syslog-tcp:192.0.2.1".into(),
        log: "spool".into(),
        backfill: false,
    }
}

/// How many rows a record gives; none if it is unreadable.
pub(crate) fn rows_of(offset: i64) -> u32 {
    match offset {
        offset if offset % 7 == 0 => 0,
        offset if offset % 5 == 0 => 2,
        _ => 1,
    }
}

/// Whether a record makes an alert change.
pub(crate) fn is_finding(offset: i64) -> bool {
    offset % 10 == 3
}

/// The records `from..to`, judged together.
pub(crate) fn judge(from: i64, to: i64) -> (EventBatch, Vec<Reject>, Findings) {
    let origin = origin();
    let mut builder = EventBuilder::new(&Projection::default());
    let mut rejects = Vec::new();
    let mut findings = Findings::default();
    for offset in from..to {
        let observed = START.plus(std::time::Duration::from_secs(offset.cast_unsigned() * 60));
        let line = format!("record {offset}");
        let raw = Raw {
            origin: &origin,
            offset,
            observed,
            bytes: line.as_bytes(),
        };
        if rows_of(offset) == 0 {
            rejects.push(Reject::new(&raw, "linux.sshd", "expected a line of sshd"));
        }
        for index in 0..rows_of(offset) {
            builder.begin(&raw, "linux.sshd", index);
            builder.text(
                Column::UserName,
                if offset % 2 == 0 {
                    "hana@example.co.jp"
                } else {
                    "ken@example.co.jp"
                },
            );
            builder.text(Column::SrcIp, "203.0.113.9");
            builder.int(Column::StatusId, 2);
            builder.time(Column::Time, observed.minus(std::time::Duration::from_secs(30)));
            builder.end();
        }
        if is_finding(offset) {
            findings.alerts.push(alert(offset, observed));
            findings.incidents.push(incident(observed));
        }
    }
    (builder.finish(), rejects, findings)
}

fn entity() -> Entity {
    Entity {
        kind: EntityKind::Person,
        name: "hana@example.co.jp".into(),
    }
}

fn incident(observed: Time) -> Incident {
    Incident {
        incident_id: "incident".to_owned(),
        tenant: "default".into(),
        entity: entity(),
        severity: Severity::Critical,
        score: 91.5,
        route: Route::Incident,
        first_time: observed,
        last_time: observed,
        families: vec!["travel".to_owned()],
        merged_into: None,
    }
}

fn alert(offset: i64, observed: Time) -> AlertUpdate {
    let rule = RuleInfo {
        id: "SK-001".into(),
        title: Bilingual {
            en: "Many failures".into(),
            ja: "失敗の連続".into(),
        },
        severity: Severity::High,
        attack: vec!["T1110".to_owned()],
        ..RuleInfo::default()
    };
    let evidence = Evidence {
        event_uid: format!("evidence {offset}"),
        time: observed,
        observed,
        user_name: Some("hana@example.co.jp".to_owned()),
        ..Evidence::default()
    };
    AlertUpdate {
        alert: Alert {
            alert_id: format!("alert {}", offset % 3),
            incident_id: "incident".to_owned(),
            tenant: "default".into(),
            rule: Arc::new(rule),
            entity: entity(),
            severity: Severity::High,
            score: 70.0,
            first_time: START,
            last_time: observed,
            found_late_secs: None,
            evidence_count: offset.cast_unsigned(),
            facts: BTreeMap::from([("count".to_owned(), offset.into())]),
            merged_into: None,
        },
        evidence: vec![evidence],
    }
}

/// The records `from..to` as one epoch, judged `batch` records at a time, never across `barrier`.
pub(crate) fn epoch(from: i64, to: i64, batch: i64, barrier: i64) -> Epoch {
    let mut epoch = Epoch {
        position: to,
        ..Epoch::default()
    };
    epoch.snapshot = Snapshot::default();
    epoch.snapshot.put("log", "position", &to).unwrap();
    let mut at = from;
    while at < to {
        let mut end = to.min(at + batch);
        if at < barrier {
            end = end.min(barrier);
        }
        let (events, rejects, findings) = judge(at, end);
        epoch.events.push(events);
        epoch.rejects.extend(rejects);
        epoch.findings.push((end, findings));
        at = end;
    }
    epoch
}

/// The position to go on from, after checking that the state belongs to it.
pub(crate) fn position(recovered: Option<&Recovered>) -> i64 {
    let Some(recovered) = recovered else { return 0 };
    let state = &recovered.snapshot.part("log")[0].1;
    assert_eq!(
        *state,
        recovered.position.to_string(),
        "the state is that of the position"
    );
    recovered.position
}

/// Commits the records up to `end` in epochs of `size`, going on where `store` stands.
pub(crate) async fn work(store: &mut Store, from: i64, end: i64, size: i64, batch: i64) -> Result<(), String> {
    let barrier = store.positions().alerts;
    let mut at = from;
    while at < end {
        let to = end.min(at + size);
        store
            .commit(epoch(at, to, batch, barrier))
            .await
            .map_err(|error| error.to_string())?;
        at = to;
    }
    Ok(())
}

/// A store that holds the records `0..end`.
pub(crate) async fn stored(dir: &Path, end: i64, size: i64) -> Result<Store, StoreError> {
    let (mut store, recovered) = Store::open(dir).await?;
    work(&mut store, position(recovered.as_ref()), end, size, 10)
        .await
        .expect("nothing crashes");
    Ok(store)
}

/// The answer to a question, as NDJSON.
pub(crate) async fn ask(dir: &Path, question: &str) -> Vec<serde_json::Value> {
    let sql = Sql::open(dir, sekisho_store::Limits::default());
    let question = question.to_owned();
    let answer = tokio::task::spawn_blocking(move || sql.query(&question))
        .await
        .unwrap()
        .unwrap();
    let mut text = Vec::new();
    sekisho_store::format::ndjson(&answer, &mut text).unwrap();
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// Asserts that the tables hold exactly what follows from the records `0..end`, each once.
pub(crate) async fn assert_exactly(dir: &Path, end: i64) {
    let events = ask(
        dir,
        "SELECT raw, count(*) AS n, count(DISTINCT event_uid) AS uids FROM events GROUP BY raw",
    )
    .await;
    let found: BTreeMap<_, _> = events
        .iter()
        .map(|row| (row["raw"].as_str().unwrap(), (row["n"].as_u64(), row["uids"].as_u64())))
        .collect();
    let raws: Vec<_> = (0..end)
        .map(|offset| (format!("record {offset}"), u64::from(rows_of(offset))))
        .collect();
    let expected: BTreeMap<_, _> = raws
        .iter()
        .filter(|(_, rows)| *rows > 0)
        .map(|(raw, rows)| (raw.as_str(), (Some(*rows), Some(*rows))))
        .collect();
    assert_eq!(found, expected);

    let rejects = ask(dir, "SELECT \"offset\" FROM rejects ORDER BY \"offset\"").await;
    let found: Vec<_> = rejects.iter().map(|row| row["offset"].as_i64().unwrap()).collect();
    assert_eq!(
        found,
        (0..end).filter(|&offset| rows_of(offset) == 0).collect::<Vec<_>>()
    );

    let alerts = ask(dir, "SELECT evidence_count FROM alerts ORDER BY evidence_count").await;
    let found: Vec<_> = alerts
        .iter()
        .map(|row| row["evidence_count"].as_i64().unwrap())
        .collect();
    assert_eq!(found, (0..end).filter(|&offset| is_finding(offset)).collect::<Vec<_>>());
}
