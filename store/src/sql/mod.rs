//! Questions in SQL, which can only read.
//!
//! # Invariants
//! * A question cannot change anything, name a file, or use more than its [`Limits`].
//! * A question is planned and answered on a thread of its own with a large stack. Still, a service must not
//!   answer questions of others in its own process: there is no way to stop planning, and a program that is out of
//!   memory is killed as a whole.

mod guard;
mod limits;
mod session;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use futures::StreamExt;

pub use guard::Refused;
pub(crate) use guard::TEXT_BYTES_MAX;
pub use limits::Limits;
pub(crate) use limits::{MEMORY_BYTES, SPILL_BYTES};
pub(crate) use session::session;

use crate::StoreError;

/// Stack of the threads on which questions are planned and answered: what the guard lets through needs less than a
/// tenth of it.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// How long after its time a question may take to notice that it is over.
const GRACE: Duration = Duration::from_secs(2);

/// How many rows are handed on at once.
const BATCH_ROWS: usize = 8192;

/// The stored tables, to be asked.
#[derive(Clone, Debug)]
pub struct Sql {
    dir: PathBuf,
    limits: Limits,
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
    /// Which limit cut it off, if one did: there are more rows than these.
    pub cut: Option<&'static str>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// There are no tables yet.
    #[error("nothing is stored yet under {}", .0.display())]
    Empty(PathBuf),
    /// The question is not allowed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such table.
    #[error("there is no table {name}; there are: {known}")]
    UnknownTable {
        /// The name in the question.
        name: String,
        /// The tables that there are.
        known: String,
    },
    /// It took too long.
    #[error("the question took longer than {} s; ask for fewer days, or for fewer columns", .0.as_secs())]
    TooLong(Duration),
    /// It needed more memory or disk than it may use.
    #[error("the question needs more memory than it may use; ask for fewer days, or for fewer columns")]
    TooBig(#[source] Box<DataFusionError>),
    /// The engine could not answer.
    #[error("{}", first_line(.0))]
    Engine(Box<DataFusionError>),
    /// The tables could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The question brought the thread down that should answer it.
    #[error("the question could not be answered: its thread ended")]
    Lost,
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::TooBig(Box::new(error)),
            DataFusionError::Plan(text) => match unknown_table(text) {
                Some(name) => Self::UnknownTable {
                    name,
                    known: session::NAMES.join(", "),
                },
                None => Self::Engine(Box::new(error)),
            },
            _ => Self::Engine(Box::new(error)),
        }
    }
}

/// The table that the engine did not find: its error has no form of its own.
fn unknown_table(text: &str) -> Option<String> {
    let name = text.strip_prefix("table '")?.strip_suffix("' not found")?;
    Some(name.strip_prefix("datafusion.public.").unwrap_or(name).to_owned())
}

fn first_line(error: &DataFusionError) -> String {
    error.strip_backtrace().lines().next().unwrap_or_default().to_owned()
}

impl Sql {
    /// The tables under `dir`. They need not exist yet.
    pub fn open(dir: &Path, limits: Limits) -> Self {
        Self {
            dir: dir.to_owned(),
            limits,
        }
    }

    /// Answers a question from what is committed now.
    ///
    /// Blocks; in asynchronous code it belongs into `spawn_blocking`.
    pub fn query(&self, text: &str) -> Result<Answer, SqlError> {
        let statement = guard::check(text)?;
        let (dir, limits) = (self.dir.clone(), self.limits);
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("sekisho-sql".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || drop(sender.send(answer(&dir, limits, statement))))
            .map_err(|source| SqlError::Engine(Box::new(source.into())))?;
        match receiver.recv_timeout(limits.time.saturating_add(GRACE)) {
            Ok(answer) => answer,
            Err(mpsc::RecvTimeoutError::Timeout) => Err(SqlError::TooLong(limits.time)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(SqlError::Lost),
        }
    }
}

fn answer(dir: &Path, limits: Limits, statement: guard::Question) -> Result<Answer, SqlError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .worker_threads(session::PARTITIONS)
        .enable_all()
        .build()
        .map_err(|error| SqlError::Engine(Box::new(error.into())))?;
    let answered = runtime.block_on(async {
        tokio::time::timeout(limits.time, collect(dir, limits, statement))
            .await
            .unwrap_or(Err(SqlError::TooLong(limits.time)))
    });
    runtime.shutdown_background();
    answered
}

async fn collect(dir: &Path, limits: Limits, question: guard::Question) -> Result<Answer, SqlError> {
    let context = session(dir, BATCH_ROWS).await?;
    let plan = context.state().statement_to_plan(question.into_statement()).await?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    let mut stream = context.execute_logical_plan(plan).await?.execute_stream().await?;
    let mut answer = Answer {
        schema: stream.schema(),
        batches: Vec::new(),
        cut: None,
    };
    let (mut rows, mut bytes) = (0_usize, 0_usize);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let left = limits.rows.saturating_sub(rows);
        if batch.num_rows() > left {
            answer.batches.push(batch.slice(0, left));
            answer.cut = Some("rows");
            break;
        }
        rows += batch.num_rows();
        bytes = bytes.saturating_add(batch.get_array_memory_size());
        answer.batches.push(batch);
        if bytes > limits.bytes {
            answer.cut = Some("bytes");
            break;
        }
    }
    Ok(answer)
}
