//! `sekisho rejects`: the records that could not be read.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sekisho_alert::Untrusted;
use sekisho_formats::YearPolicy;
use sekisho_model::{Clock, Origin, Raw, Time};
use sekisho_store::format;
use sekisho_store::sql::{Limits, Sql, SqlError};
use serde::Deserialize;

use crate::cli::{RejectShow, Rejects, RejectsDrop, RejectsList, RejectsReplay, RejectsWhich, StoreArgs};
use crate::clock::SystemClock;
use crate::context::{Bundle, Loaded};
use crate::judge::LogJudge;
use crate::rejects::{Again, Mark, Marks};
use crate::settings::{Environment, Settings};

/// Rejects that are read at once: each has up to 64 KiB of its record.
const PAGE: usize = 1_000;
/// The most rejects that are listed one by one, the newest.
const LISTED_MAX: usize = 200;
/// Digits of an id after the offset: they tell the rejects of one record apart.
const DIGITS: usize = 6;
/// How much of a reason and of a record a list shows.
const SHOWN: usize = 60;
/// How much of a record `show` prints.
const RECORD_SHOWN: usize = 64 * 1024;
/// How long `replay` waits for the service to take up what was asked for.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);

/// A row of the table.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    observed: i64,
    tenant: String,
    source: String,
    origin: String,
    log: String,
    offset: i64,
    reason: String,
    raw: String,
    raw_bytes: i64,
}

impl Row {
    /// The same for everybody who looks at the row.
    fn id(&self) -> String {
        let parts = [self.log.as_bytes(), self.reason.as_bytes(), self.raw.as_bytes()];
        let hash = sekisho_model::ids::content_id(&parts);
        format!("{}-{}", self.offset, hash.get(..DIGITS).unwrap_or(&hash))
    }

    fn day(&self) -> String {
        Time(self.observed).to_string().chars().take(10).collect()
    }

    /// Why its record is not there as it came, if so.
    fn damage(&self) -> Option<&'static str> {
        let kept = i64::try_from(self.raw.len()).unwrap_or(i64::MAX);
        if kept < self.raw_bytes
            && usize::try_from(kept).is_ok_and(|kept| sekisho_model::record::REJECT_RAW_BYTES_MAX <= kept)
        {
            return Some("only its first 64 KiB were kept");
        }
        if kept != self.raw_bytes || self.raw.contains(char::REPLACEMENT_CHARACTER) {
            return Some("it is not UTF-8, and was kept as text");
        }
        None
    }

    /// The record as it is to be read again, as `source` if that is named.
    fn again(&self, source: Option<&str>) -> Again {
        Again {
            id: self.id(),
            observed: Time(self.observed),
            origin: Origin {
                tenant: Arc::from(self.tenant.as_str()),
                source: Arc::from(source.unwrap_or(&self.source)),
                label: Arc::from(self.origin.as_str()),
                log: Arc::from(self.log.as_str()),
                backfill: false,
            },
            raw: self.raw.clone(),
        }
    }
}

/// Lists, shows, replays or drops.
pub(super) fn run(command: &Rejects, environment: &Environment) -> Result<ExitCode> {
    match command {
        Rejects::List(args) => list(args, environment),
        Rejects::Show(args) => show(args, environment),
        Rejects::Replay(args) => replay(args, environment),
        Rejects::Drop(args) => drop_some(args, environment),
    }
}

/// Rejects and what was done about them.
struct Table {
    sql: Sql,
    marks: Marks,
}

impl Table {
    fn open(store: &StoreArgs, environment: &Environment) -> Result<(Self, PathBuf)> {
        let data = super::data_folder(store, environment)?;
        if !data.is_dir() {
            bail!(
                "{} does not exist: no service has run with this data folder",
                data.display()
            );
        }
        let table = Self {
            sql: Sql::open(&data, Limits::default()),
            marks: Marks::open(&data)?,
        };
        Ok((table, data))
    }

    /// Shows every reject for which `condition` holds to `see`, in the order in which they came.
    fn each(&self, condition: &str, mut see: impl FnMut(Row) -> Result<()>) -> Result<()> {
        // The rejects of one record share an offset, and may be more than a page: those of it that were seen are passed
        // over by their number.
        let (mut after, mut seen) = (i64::MIN, 0);
        loop {
            let query = format!(
                "SELECT CAST(observed AS BIGINT) AS observed, tenant, source, origin, log, \"offset\", reason, raw, raw_bytes \
                 FROM rejects WHERE {condition} AND \"offset\" >= {after} \
                 ORDER BY \"offset\", reason, raw LIMIT {PAGE} OFFSET {seen}"
            );
            let rows = self.rows(&query)?;
            let count = rows.len();
            let last = rows.last().map_or(after, |row| row.offset);
            let passed = if last == after { seen } else { 0 };
            seen = passed + rows.iter().filter(|row| row.offset == last).count();
            after = last;
            rows.into_iter().try_for_each(&mut see)?;
            if count < PAGE {
                return Ok(());
            }
        }
    }

    fn rows(&self, query: &str) -> Result<Vec<Row>> {
        let answer = match self.sql.query(query) {
            // Before the first record is stored there are no tables to ask.
            Err(SqlError::Empty(_)) => return Ok(Vec::new()),
            answer => answer?,
        };
        let mut text = Vec::new();
        format::ndjson(&answer, &mut text).map_err(anyhow::Error::from)?;
        let text = String::from_utf8(text)?;
        text.lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("a row of rejects cannot be read: {line}")))
            .collect()
    }

    /// Those that are asked for and have no mark.
    fn open_ones(&self, which: &RejectsWhich, older_than: Option<u32>) -> Result<Vec<Row>> {
        if which.ids.is_empty()
            && which.source.is_none()
            && which.reason.is_none()
            && older_than.is_none()
            && !which.all
        {
            bail!("name ids as `sekisho rejects list --ids` shows them, or --source, --reason, or --all");
        }
        let mut found = Vec::new();
        self.each(&condition(which, older_than)?, |row| {
            let id = row.id();
            if (which.ids.is_empty() || which.ids.contains(&id)) && self.marks.of(&id)?.is_none() {
                found.push(row);
            }
            Ok(())
        })?;
        let missing = which.ids.iter().find(|id| !found.iter().any(|row| row.id() == **id));
        if let Some(id) = missing {
            match self.marks.of(id)? {
                Some(mark) => bail!("the reject {id} is {} already", mark.name()),
                None => bail!("there is no reject {id}; `sekisho rejects list --ids` shows them"),
            }
        }
        Ok(found)
    }
}

/// What is asked for, in SQL. Texts come from whoever types the command, and only choose among rows.
fn condition(which: &RejectsWhich, older_than: Option<u32>) -> Result<String> {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut all = vec!["true".to_owned()];
    all.extend(
        which
            .source
            .as_deref()
            .map(|source| format!("source = {}", text(source))),
    );
    all.extend(
        which
            .reason
            .as_deref()
            .map(|reason| format!("strpos(reason, {}) > 0", text(reason))),
    );
    if let Some(days) = older_than {
        let before = SystemClock.now().minus(Duration::from_hours(24 * u64::from(days)));
        all.push(format!("CAST(observed AS BIGINT) < {}", before.0));
    }
    if !which.ids.is_empty() {
        let offsets = which.ids.iter().map(|id| offset_of(id)).collect::<Result<Vec<_>>>()?;
        let offsets: Vec<String> = offsets.iter().map(i64::to_string).collect();
        all.push(format!("\"offset\" IN ({})", offsets.join(", ")));
    }
    Ok(all.join(" AND "))
}

fn offset_of(id: &str) -> Result<i64> {
    let offset = id.split('-').next().and_then(|offset| offset.parse().ok());
    offset.with_context(|| format!("\"{id}\" is no id of a reject; `sekisho rejects list --ids` shows them"))
}

fn shown(text: &str, chars: usize) -> String {
    Untrusted::new(text).visible(chars)
}

fn list(args: &RejectsList, environment: &Environment) -> Result<ExitCode> {
    let (table, _) = Table::open(&args.store, environment)?;
    let mut out = anstream::stdout().lock();
    let mut groups: BTreeMap<(String, String, String), (usize, usize)> = BTreeMap::new();
    let mut latest: VecDeque<String> = VecDeque::new();
    table.each("true", |row| {
        let mark = table.marks.of(&row.id())?;
        if args.ids {
            if mark.is_none() || args.all {
                latest.push_front(line(&row, mark.map_or("open", Mark::name)));
                latest.truncate(LISTED_MAX);
            }
        } else {
            let group = groups
                .entry((row.day(), row.source.clone(), shown(&row.reason, SHOWN)))
                .or_default();
            group.0 += usize::from(mark.is_none());
            group.1 += 1;
        }
        Ok(())
    })?;
    if args.ids {
        writeln!(
            out,
            "{:18}  {:20}  {:20}  {:8}  reason; record",
            "id", "received", "source", "state"
        )?;
        for line in latest {
            writeln!(out, "{line}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{:10}  {:20}  {:>8}  {:>8}  reason",
        "day", "source", "open", "all"
    )?;
    for ((day, source, reason), (open, all)) in groups.iter().rev().filter(|(_, (open, _))| 0 < *open || args.all) {
        writeln!(out, "{day:10}  {source:20}  {open:>8}  {all:>8}  {reason}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(row: &Row, state: &str) -> String {
    format!(
        "{:18}  {:20}  {:20}  {state:8}  {}; {}",
        row.id(),
        Time(row.observed).to_string(),
        row.source,
        shown(&row.reason, SHOWN),
        shown(&row.raw, SHOWN)
    )
}

fn show(args: &RejectShow, environment: &Environment) -> Result<ExitCode> {
    let (table, _) = Table::open(&args.store, environment)?;
    let mut found = None;
    table.each(&format!("\"offset\" = {}", offset_of(&args.id)?), |row| {
        if row.id() == args.id {
            found = Some(row);
        }
        Ok(())
    })?;
    let Some(row) = found else {
        bail!(
            "there is no reject {}; `sekisho rejects list --ids` shows them",
            args.id
        );
    };
    let mut out = anstream::stdout().lock();
    let state = table.marks.of(&args.id)?.map_or("open", Mark::name);
    writeln!(out, "id        {}", args.id)?;
    writeln!(out, "state     {state}")?;
    writeln!(out, "received  {}", Time(row.observed))?;
    writeln!(out, "source    {}", row.source)?;
    writeln!(out, "origin    {}", shown(&row.origin, RECORD_SHOWN))?;
    writeln!(out, "tenant    {}", row.tenant)?;
    writeln!(out, "reason    {}", shown(&row.reason, RECORD_SHOWN))?;
    writeln!(out, "bytes     {}", row.raw_bytes)?;
    if let Some(damage) = row.damage() {
        writeln!(out, "replay    not possible: {damage}")?;
    }
    writeln!(out, "record    {}", shown(&row.raw, RECORD_SHOWN))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the records with the formats of today, and has the service take those that can be read now.
fn replay(args: &RejectsReplay, environment: &Environment) -> Result<ExitCode> {
    if let Some(source) = &args.read_as {
        super::known_source(source)?;
    }
    let (mut table, data) = Table::open(&args.store, environment)?;
    let settings = Settings {
        data: data.clone(),
        ..super::settings(args.store.config.config.as_deref(), None, environment)?
    };
    let rows = table.open_ones(&args.which, None)?;
    let mut reader = Reader::new(&settings)?;
    let mut readable = Vec::new();
    for row in &rows {
        let again = row.again(args.read_as.as_deref());
        match row.damage().map(str::to_owned).or_else(|| reader.reason(&again)) {
            None => readable.push(again),
            Some(reason) => anstream::eprintln!("{}  stays: {}", again.id, shown(&reason, SHOWN * 2)),
        }
    }
    let asked = table
        .marks
        .mark(&readable, Mark::Asked, &who(environment), SystemClock.now())?;
    anstream::eprintln!("{asked} of {} can be read now", rows.len());
    if 0 < asked {
        wait(&data)?;
    }
    Ok(if asked == rows.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Decodes records by themselves.
struct Reader {
    judge: LogJudge,
}

impl Reader {
    fn new(settings: &Settings) -> Result<Self> {
        let bundle = Bundle::collect(&settings.context)?;
        let loaded = Loaded::build(&bundle, settings)?;
        Ok(Self {
            judge: LogJudge::new(settings.clone(), bundle.generation(), loaded, YearPolicy::Nearest),
        })
    }

    /// Why a record cannot be read, if so.
    fn reason(&mut self, again: &Again) -> Option<String> {
        let mut out = self.judge.output();
        let raw = Raw {
            origin: &again.origin,
            offset: 0,
            observed: again.observed,
            bytes: again.raw.as_bytes(),
        };
        self.judge.decode(&raw, &mut out);
        self.judge.flush(&mut out);
        out.rejects.pop().map(|reject| reject.reason)
    }
}

/// Waits a little for the service.
fn wait(data: &Path) -> Result<()> {
    let begun = std::time::Instant::now();
    while begun.elapsed() < WAIT_MAX {
        if Marks::open(data)?.asked(1)?.is_empty() {
            anstream::eprintln!("the service took them");
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    anstream::eprintln!("the service does not run or is busy; it takes them when it runs");
    Ok(())
}

fn drop_some(args: &RejectsDrop, environment: &Environment) -> Result<ExitCode> {
    let (mut table, _) = Table::open(&args.store, environment)?;
    let rows = table.open_ones(&args.which, args.older_than_days)?;
    let rejects: Vec<Again> = rows.iter().map(|row| row.again(None)).collect();
    let dropped = table
        .marks
        .mark(&rejects, Mark::Dropped, &who(environment), SystemClock.now())?;
    anstream::eprintln!("{dropped} dropped; they leave the table when they are past their age");
    Ok(ExitCode::SUCCESS)
}

/// Who asks, for the audit: the person behind `sudo`, else the user.
fn who(environment: &Environment) -> String {
    let names = ["SUDO_USER", "USER", "LOGNAME"];
    let name = names.iter().find_map(|name| environment.get(*name));
    name.map_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()), Clone::clone)
}
