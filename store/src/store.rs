//! The tables and the state beside them, committed in one order.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_model::Snapshot;
use sekisho_pipeline::{BoxError, Committed, Epoch, Tables};
use tracing::{error, warn};
use uuid::Uuid;

use crate::manifest::{Manifest, Recovered, recover};
use crate::tables::{ALERTS, EVENTS, REJECTS, Rows, Table, alert_rows, event_rows, reject_rows};
use crate::{StoreError, state};

/// The steps in which an epoch becomes durable, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The Parquet files of all tables are written; no reader sees them.
    Parts,
    /// The state is written; the manifest does not name it.
    State,
    /// The events are committed.
    Events,
    /// The rejects are committed.
    Rejects,
    /// The changes of alerts are committed.
    Alerts,
    /// The manifest is written: the log may forget.
    Manifest,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 6] = [
        Self::Parts,
        Self::State,
        Self::Events,
        Self::Rejects,
        Self::Alerts,
        Self::Manifest,
    ];
}

/// How far each table reaches into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    /// Events before it are in the table.
    pub events: i64,
    /// Rejects before it are in the table.
    pub rejects: i64,
    /// Changes of alerts that were caused before it are in the table.
    pub alerts: i64,
}

impl Positions {
    /// The furthest: offsets of the log must never begin again below it.
    pub fn furthest(&self) -> i64 {
        self.events.max(self.rejects).max(self.alerts)
    }
}

/// The log whose records are committed.
const SPOOL: &str = "spool";

/// Decides in tests after which step the process "crashes".
type CrashAfter = Box<dyn FnMut(Step) -> bool + Send + Sync>;

/// The tables, and the state beside them.
pub struct Store {
    dir: PathBuf,
    events: Table,
    rejects: Table,
    alerts: Table,
    keeps_state: bool,
    last: Option<i64>,
    crash_after: Option<CrashAfter>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.dir)
            .field("positions", &self.positions())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store of the service under `dir`, making what is missing, and says where to go on.
    ///
    /// `None` means that the state is not known: at the first start, or when it was lost or is of another form. It
    /// can be learnt again from [`events_since`](crate::events_since).
    pub async fn open(dir: &Path) -> Result<(Self, Option<Recovered>), StoreError> {
        let store = Self::open_log(dir, SPOOL, true).await?;
        let path = dir.to_owned();
        let recovered = tokio::task::spawn_blocking(move || recover(&path)).await??;
        if recovered.is_none() && store.positions().furthest() > 0 {
            warn!("the state is lost; it has to be learnt again from the stored events");
        }
        Ok((store, recovered))
    }

    /// Opens the tables under `dir` for a replay: its records have nothing to do with those of the service, and its
    /// state is not kept.
    pub async fn open_for_replay(dir: &Path) -> Result<Self, StoreError> {
        Self::open_log(dir, &format!("replay/{}", Uuid::new_v4()), false).await
    }

    async fn open_log(dir: &Path, log: &str, keeps_state: bool) -> Result<Self, StoreError> {
        let app: Arc<str> = format!("sekisho/{log}").into();
        Ok(Self {
            dir: dir.to_owned(),
            events: Table::open(dir, &EVENTS, Arc::clone(&app)).await?,
            rejects: Table::open(dir, &REJECTS, Arc::clone(&app)).await?,
            alerts: Table::open(dir, &ALERTS, app).await?,
            keeps_state,
            last: None,
            crash_after: None,
        })
    }

    /// How far each table reaches into the log.
    ///
    /// After a crash the tables may be ahead of the state. Frames that are judged again must not be judged together
    /// with frames from after [`Positions::alerts`]: what is found gets the position after all of them, and would
    /// be taken for new.
    pub fn positions(&self) -> Positions {
        Positions {
            events: self.events.base(),
            rejects: self.rejects.base(),
            alerts: self.alerts.base(),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes tests crash after the steps for which `crash_after` says so.
    #[doc(hidden)]
    pub fn crash_after(&mut self, crash_after: impl FnMut(Step) -> bool + Send + Sync + 'static) {
        self.crash_after = Some(Box::new(crash_after));
    }

    fn done(&mut self, step: Step) -> Result<(), StoreError> {
        if self.crash_after.as_mut().is_some_and(|crash| crash(step)) {
            return Err(StoreError::Crash(step));
        }
        Ok(())
    }

    async fn commit_epoch(&mut self, epoch: Epoch) -> Result<Committed, StoreError> {
        let position = epoch.position;
        let events = event_rows(&epoch.events, self.events.span(position, self.last))?;
        let rejects = reject_rows(&epoch.rejects, self.rejects.span(position, self.last))?;
        let alerts = alert_rows(&epoch.findings, self.alerts.span(position, self.last))?;
        report_late(&self.events, &events);
        report_late(&self.rejects, &rejects);
        report_late(&self.alerts, &alerts);
        let committed = sum(&[&events, &rejects]);

        let events = self.events.stage(events).await?;
        let rejects = self.rejects.stage(rejects).await?;
        let alerts = self.alerts.stage(alerts).await?;
        self.done(Step::Parts)?;
        self.save_state(position, epoch.snapshot).await?;
        self.done(Step::State)?;
        self.events.publish(events, position).await?;
        self.done(Step::Events)?;
        self.rejects.publish(rejects, position).await?;
        self.done(Step::Rejects)?;
        self.alerts.publish(alerts, position).await?;
        self.done(Step::Alerts)?;
        self.save_manifest(position).await?;
        self.last = Some(position);
        self.done(Step::Manifest)?;
        Ok(committed)
    }

    async fn save_state(&self, position: i64, snapshot: Snapshot) -> Result<(), StoreError> {
        if !self.keeps_state {
            return Ok(());
        }
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || state::save(&dir, position, &snapshot)).await?
    }

    async fn save_manifest(&self, position: i64) -> Result<(), StoreError> {
        if !self.keeps_state {
            return Ok(());
        }
        let tables: BTreeMap<_, _> = [&self.events, &self.rejects, &self.alerts]
            .into_iter()
            .filter_map(|table| Some((table.name().to_owned(), table.version()?)))
            .collect();
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || {
            Manifest::new(position, tables).save(&dir)?;
            state::prune(&dir, position);
            Ok(())
        })
        .await?
    }
}

/// What becomes of rows once they are published.
fn sum(tables: &[&Rows]) -> Committed {
    let sum = |of: fn(&Rows) -> usize| {
        let rows: usize = tables.iter().map(|rows| of(rows)).sum();
        u64::try_from(rows).unwrap_or(u64::MAX)
    };
    Committed {
        stored: sum(Rows::len),
        known: sum(Rows::known),
        late: sum(Rows::late),
    }
}

/// Rows that come too late were lost by whoever gave them an offset that had passed: that must not be silent.
fn report_late(table: &Table, rows: &Rows) {
    if rows.late() > 0 {
        error!(
            table = table.name(),
            rows = rows.late(),
            "rows came after the epoch of their offset; not stored"
        );
    }
}

impl Tables for Store {
    async fn commit(&mut self, epoch: Epoch) -> Result<Committed, BoxError> {
        Ok(self.commit_epoch(epoch).await?)
    }
}
