//! The command line. Scripts depend on these names: they do not change.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sekisho_model::Lang;

/// Finds suspicious sign-ins and accesses in your logs, and tells you in chat.
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show three incidents on sample logs, and leave the service running to try things on
    Demo(Demo),
    /// Run the service: HTTP, syslog and followed files in; tables and alerts out
    Run(ConfigArg),
    /// Check settings, rules and their tests, geo database and channels
    Check(Check),
    /// Judge log files with the same engine, in event time, and exit
    Replay(Replay),
    /// Print records in the normal form, as NDJSON
    Normalise(Normalise),
    /// Ask the stored logs in SQL; read-only, also while the service runs
    Sql(Sql),
    /// List, check and test the rules
    Rules {
        #[command(subcommand)]
        command: Rules,
    },
    /// List what is understood, how it comes, how late, and what to switch on
    Sources,
    /// Make the tables small and fast: compact, drop what is too old, clean up
    Maintain(StoreArgs),
    /// See what was found
    Incidents {
        #[command(subcommand)]
        command: Incidents,
    },
    /// Say whether an alert was real, or list what was said
    Feedback(Feedback),
    /// See, retry or drop the messages that wait to be delivered
    Outbox {
        #[command(subcommand)]
        command: Outbox,
    },
    /// See, replay or drop the records that could not be read
    Rejects {
        #[command(subcommand)]
        command: Rejects,
    },
    /// Make, list and revoke the access tokens of the doors
    Token {
        #[command(subcommand)]
        command: Token,
    },
}

/// Where the settings are.
#[derive(Args, Debug)]
pub(crate) struct ConfigArg {
    /// The settings file; without it, the defaults
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// `sekisho demo`
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// The folder for the demo's data [default: a new folder under the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The language of the messages
    #[arg(long, value_enum)]
    pub(crate) lang: Option<LangArg>,
    /// Stop when the incidents were shown instead of leaving the service running
    #[arg(long)]
    pub(crate) exit: bool,
}

/// `sekisho check`
#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// List what is bounded, how far, and what happens there
    #[arg(long)]
    pub(crate) bounds: bool,
    /// Send a test message to this channel
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) send: Option<String>,
}

/// `sekisho replay`
#[derive(Args, Debug)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// What wrote the files: a parser id (see `sekisho sources`) or auto
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pub(crate) source: String,
    /// Write the alerts to this file as NDJSON; `-` is standard output
    #[arg(long, value_name = "OUT.ndjson")]
    pub(crate) alerts: Option<PathBuf>,
    /// Also write the rows to tables in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// The people list; overrides the settings
    #[arg(long, value_name = "FILE")]
    pub(crate) people: Option<PathBuf>,
    /// The networks list; overrides the settings
    #[arg(long, value_name = "FILE")]
    pub(crate) networks: Option<PathBuf>,
    /// Geo databases (MMDB); override the settings
    #[arg(long, value_name = "FILE")]
    pub(crate) geo: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// The language of the alerts
    #[arg(long, value_enum)]
    pub(crate) lang: Option<LangArg>,
    /// The files to read; `NAME=FILE` names the source of one file
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
}

/// How to read time stamps that lack something.
#[derive(Args, Debug)]
pub(crate) struct TimeArgs {
    /// The zone of time stamps without one, such as Asia/Tokyo [default: the setting, else the host's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// The year of the first time stamp without one [default: inferred from the file's time]
    #[arg(long, value_name = "YEAR")]
    pub(crate) year: Option<i16>,
}

/// `sekisho normalise`
#[derive(Args, Debug)]
pub(crate) struct Normalise {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// What wrote the records: a parser id or auto
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pub(crate) source: String,
    /// Read NDJSON of {"id", "source", "raw"} and echo the id
    #[arg(long)]
    pub(crate) envelope: bool,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// The files to read [default: standard input]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Which tables.
#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// The data folder, instead of the one in the settings
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
}

/// `sekisho sql`
#[derive(Args, Debug)]
pub(crate) struct Sql {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// The question; without one, a prompt
    #[arg(value_name = "SELECT …")]
    pub(crate) query: Option<String>,
}

/// How to print rows.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Ndjson,
}

/// A language, as the command line has it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LangArg {
    /// Japanese
    Ja,
    /// English
    En,
}

impl From<LangArg> for Lang {
    fn from(lang: LangArg) -> Self {
        match lang {
            LangArg::Ja => Self::Ja,
            LangArg::En => Self::En,
        }
    }
}

/// `sekisho rules …`
#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// List the rules
    List(RulesArgs),
    /// Say what is wrong with the rules; exit 1 if anything is
    Check(RulesArgs),
    /// Run the tests beside the rules; exit 1 if one fails
    Test(RulesArgs),
    /// Say why each rule fires for an event, or why it does not
    Explain(Explain),
    /// Judge the stored events by changed rules, and say which alerts would be new or gone
    Backtest(Backtest),
}

/// `sekisho rules explain`
#[derive(Args, Debug)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// What wrote the records of a file: a parser id or auto
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pub(crate) source: String,
    /// Only this rule
    #[arg(long, value_name = "ID")]
    pub(crate) rule: Option<String>,
    /// The id of a stored event or its first digits, or a file of records; `-` is standard input
    #[arg(value_name = "EVENT")]
    pub(crate) event: String,
}

/// `sekisho rules backtest`
#[derive(Args, Debug)]
pub(crate) struct Backtest {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// How many days back [default: all that is stored]
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u16>,
    /// Folders of the rules as they would be; each replaces the rule in force that has its id
    #[arg(required = true, value_name = "RULE_FOLDER")]
    pub(crate) folders: Vec<PathBuf>,
}

/// Which rules.
#[derive(Args, Debug)]
pub(crate) struct RulesArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// A folder of rules to take instead of the shipped ones and those of the settings
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// `sekisho incidents …`
#[derive(Debug, Subcommand)]
pub(crate) enum Incidents {
    /// List the incidents, the newest first
    List(StoreArgs),
    /// Show an incident with its evidence
    Show(IncidentShow),
}

/// One incident.
#[derive(Args, Debug)]
pub(crate) struct IncidentShow {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The id of the incident, or its first digits
    pub(crate) incident_id: String,
}

/// `sekisho feedback`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Feedback {
    #[command(subcommand)]
    pub(crate) command: Option<FeedbackCommand>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The id of the alert, or its first digits, as `sekisho incidents show` has it
    pub(crate) alert_id: Option<String>,
    /// It was harmless: the same thing is not told again for a while
    #[arg(long, conflicts_with = "confirmed")]
    pub(crate) benign: bool,
    /// It was real; ends what an earlier --benign of it began
    #[arg(long)]
    pub(crate) confirmed: bool,
    /// What else is to be kept of it
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Who says so [default: the user of the system]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// How long the same thing is not told again [default: 30, and 7 for critical rules that page]
    #[arg(long, value_name = "N", requires = "benign")]
    pub(crate) days: Option<u16>,
}

/// `sekisho feedback …`
#[derive(Debug, Subcommand)]
pub(crate) enum FeedbackCommand {
    /// List what was said, the latest first, and what follows from it
    List(StoreArgs),
}

/// `sekisho outbox …`
#[derive(Debug, Subcommand)]
pub(crate) enum Outbox {
    /// List the messages
    List(StoreArgs),
    /// Try a dead message again
    Retry(OutboxMessage),
    /// Give a message up
    Drop(OutboxMessage),
}

/// One message.
#[derive(Args, Debug)]
pub(crate) struct OutboxMessage {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The id of the message
    pub(crate) message_id: String,
}

/// `sekisho rejects …`
#[derive(Debug, Subcommand)]
pub(crate) enum Rejects {
    /// List them by day, source and reason
    List(RejectsList),
    /// Show one with its record
    Show(RejectShow),
    /// Read them with the formats of today, and have the service take those that can be read now; exit 1 if some stay
    Replay(RejectsReplay),
    /// Take them off the list
    Drop(RejectsDrop),
}

/// `sekisho rejects list`
#[derive(Args, Debug)]
pub(crate) struct RejectsList {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// List each with its id, the newest first
    #[arg(long)]
    pub(crate) ids: bool,
    /// Also those that were replayed or dropped
    #[arg(long)]
    pub(crate) all: bool,
}

/// `sekisho rejects show`
#[derive(Args, Debug)]
pub(crate) struct RejectShow {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The id, as `sekisho rejects list --ids` shows it
    pub(crate) id: String,
}

/// Which rejects.
#[derive(Args, Debug)]
pub(crate) struct RejectsWhich {
    /// Those of this source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Those whose reason has this text in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
    /// Those with these ids
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// `sekisho rejects replay`
#[derive(Args, Debug)]
pub(crate) struct RejectsReplay {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) which: RejectsWhich,
    /// Read them as records of this source: they came under a wrong one
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) read_as: Option<String>,
}

/// `sekisho rejects drop`
#[derive(Args, Debug)]
pub(crate) struct RejectsDrop {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) which: RejectsWhich,
    /// Those that were received so many days ago or earlier
    #[arg(long, value_name = "DAYS")]
    pub(crate) older_than_days: Option<u32>,
}

/// `sekisho token …`
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token that may send records of one source; it is shown once
    New(TokenNew),
    /// Show the tokens there are: never the token itself, but the name by which it is revoked
    List(StoreArgs),
    /// Revoke a token; within seconds nothing is taken with it
    Revoke(TokenRevoke),
}

/// `sekisho token revoke`
#[derive(Args, Debug)]
pub(crate) struct TokenRevoke {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The name of the token, as `sekisho token list` shows it
    pub(crate) name: String,
}

/// `sekisho token new`
#[derive(Args, Debug)]
pub(crate) struct TokenNew {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The parser id whose records the token may send, or `any`; or `metrics`, to read those of the service
    pub(crate) source: String,
    /// The tenant that the records belong to [default: the setting]
    #[arg(long)]
    pub(crate) tenant: Option<String>,
}
