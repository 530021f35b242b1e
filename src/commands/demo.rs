//! `sekisho demo`: three incidents of a fictional firm, through the real doors.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use include_dir::{Dir, include_dir};
use sekisho_alert::Outbox;
use sekisho_model::{Lang, Severity};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::report::card;
use crate::cli::Demo;
use crate::clock::SystemClock;
use crate::service::{Addresses, Service};
use crate::settings::{self, Environment, Settings};

/// The logs of the firm, its people, its networks and its geo database.
static SAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sample-logs");
/// The incidents that the samples hold.
const INCIDENTS: usize = 3;
/// How long the incidents may take; they take a second or two.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How long nothing must change before an incident is shown, so that it is shown whole.
const QUIET: Duration = Duration::from_millis(1_500);

/// Shows the incidents.
pub(super) fn run(args: &Demo, environment: &Environment) -> Result<ExitCode> {
    let lang = args.lang.map_or_else(|| lang_of(environment), Lang::from);
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        None => tempfile::Builder::new().prefix("sekisho-demo-").tempdir()?.keep(),
    };
    let samples = folder.join("samples");
    std::fs::create_dir_all(&samples).with_context(|| format!("cannot make {}", samples.display()))?;
    SAMPLES.extract(&samples).context("cannot write the samples")?;
    let config = write_settings(&folder, lang)?;
    let settings = settings::load(Some(&config), environment)?;
    super::runtime()?.block_on(show(
        settings,
        &Shown {
            config,
            samples,
            lang,
            exit: args.exit,
        },
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What the demo shows, and how.
struct Shown {
    config: PathBuf,
    samples: PathBuf,
    lang: Lang,
    exit: bool,
}

/// The language of the person's environment.
fn lang_of(environment: &Environment) -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| environment.get(*name).filter(|value| !value.is_empty()));
    if locale.is_some_and(|locale| locale.starts_with("ja")) {
        Lang::Ja
    } else {
        Lang::En
    }
}

/// The usual port, or a free one where the usual is taken.
fn address(port: u16) -> Result<SocketAddr> {
    let usual = TcpListener::bind(("127.0.0.1", port));
    let listener = usual
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
        .context("cannot listen on the loopback address")?;
    Ok(listener.local_addr()?)
}

fn write_settings(folder: &Path, lang: Lang) -> Result<PathBuf> {
    let syslog = address(5514)?;
    let sources: Vec<String> = sekisho_formats::FORMATS
        .iter()
        .map(|spec| format!("[source.\"{}\"]\nbackfill = true\n", spec.id))
        .collect();
    let sources = sources.concat();
    let text = format!(
        "# The settings of this demo; `sekisho run -c` this file runs the same service again.\n\
         data = \"data\"\nzone = \"Asia/Tokyo\"\nlang = \"{}\"\n\n\
         [listen]\nhttp = \"{}\"\nsyslog_udp = \"{syslog}\"\nsyslog_tcp = \"{syslog}\"\n\n\
         [geo]\ncity = \"samples/geo/City.mmdb\"\nasn = \"samples/geo/ASN.mmdb\"\n\n\
         [context]\npeople = \"samples/people.csv\"\nnetworks = \"samples/networks.csv\"\n\n\
         [store]\nepoch_secs = 2\n\n\
         # The samples are months old: they are judged as if they came when they happened.\n{sources}",
        if lang == Lang::Ja { "ja" } else { "en" },
        address(8600)?,
    );
    let path = folder.join("sekisho.toml");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

async fn show(settings: Settings, shown: &Shown) -> Result<()> {
    let zone = settings.zone.clone();
    let service = Service::build(settings, Arc::new(SystemClock), None).await?;
    let (addresses, outbox) = (service.addresses()?, service.outbox());
    let shutdown = CancellationToken::new();
    tokio::spawn(super::run::stop_on_signal(shutdown.clone()));
    let running = tokio::spawn(service.run(shutdown.clone()));
    anstream::eprintln!(
        "sending the sample logs to http://{}/ingest and to syslog on {} …\n",
        addresses.http,
        addresses.syslog_tcp
    );
    send(&shown.samples, addresses).await?;
    let cases = tokio::time::timeout(WAIT_MAX, incidents(&outbox))
        .await
        .context("the incidents did not appear")??;
    {
        let mut out = anstream::stdout().lock();
        for case in &cases {
            let id: String = case.incident.incident_id.chars().take(12).collect();
            let more = format!("sekisho incidents show {id} -c {}", shown.config.display());
            writeln!(out, "{}", card(case, shown.lang, &zone, &more))?;
        }
    }
    tell_next(shown, addresses);
    if shown.exit {
        shutdown.cancel();
    }
    running.await??;
    Ok(())
}

/// Sends each sample through the door its source would use.
async fn send(samples: &Path, addresses: Addresses) -> Result<()> {
    let client = reqwest::Client::new();
    for folder in ["leaver", "mail", "administrator"] {
        for file in SAMPLES
            .get_dir(folder)
            .with_context(|| format!("the samples hold no {folder}"))?
            .files()
        {
            let name = file
                .path()
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let body = std::fs::read(samples.join(file.path()))?;
            match name.rsplit_once('.') {
                Some((_, "log")) => by_syslog(body, addresses.syslog_tcp).await?,
                Some((source, "ndjson")) if !source.ends_with(".expected") => {
                    by_http(&client, format!("http://{}/ingest/{source}", addresses.http), body).await?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

async fn by_http(client: &reqwest::Client, address: String, body: Vec<u8>) -> Result<()> {
    let answer = client.post(&address).body(body).send().await?;
    if !answer.status().is_success() {
        bail!("{address} answered {}", answer.status());
    }
    Ok(())
}

async fn by_syslog(lines: Vec<u8>, address: SocketAddr) -> Result<()> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(&lines).await?;
    stream.shutdown().await?;
    Ok(())
}

/// Waits for the incidents, and until nothing joins them any more.
async fn incidents(outbox: &Outbox) -> Result<Vec<sekisho_alert::Case>> {
    let mut before = Vec::new();
    loop {
        tokio::time::sleep(QUIET).await;
        let mut cases = Vec::new();
        for row in outbox.incidents(Severity::High, 100).await? {
            cases.extend(outbox.incident(&row.incident.incident_id).await?);
        }
        cases.sort_by_key(|case| case.incident.first_time);
        if cases.len() >= INCIDENTS && cases == before {
            return Ok(cases);
        }
        before = cases;
    }
}

fn tell_next(shown: &Shown, addresses: Addresses) {
    let config = shown.config.display();
    let program = std::env::args().next().unwrap_or_else(|| "sekisho".to_owned());
    let tables = shown.config.with_file_name("data").join("tables");
    let next = match shown.lang {
        Lang::En => format!(
            "{}\n\n\
             \x20 {program} sql -c {config} \"SELECT user_name, src_country, count(*) AS n FROM events GROUP BY 1, 2 ORDER BY n DESC LIMIT 10\"\n\
             \x20 {program} replay --source linux.sshd /var/log/auth.log      # a log of your own\n\
             \x20 curl --data-binary @{} http://{}/ingest/entra.signin\n\n\
             The tables are open Delta tables in {}\n\
             The settings are in {config}\n",
            if shown.exit {
                format!("The service stops. `{program} run -c {config}` starts it again; then try:")
            } else {
                "The service goes on listening. In another terminal, try:".to_owned()
            },
            shown.samples.join("leaver/entra.signin.ndjson").display(),
            addresses.http,
            tables.display()
        ),
        Lang::Ja => format!(
            "{}\n\n\
             \x20 {program} sql -c {config} \"SELECT user_name, src_country, count(*) AS n FROM events GROUP BY 1, 2 ORDER BY n DESC LIMIT 10\"\n\
             \x20 {program} replay --source linux.sshd /var/log/auth.log      # お手元のログ\n\
             \x20 curl --data-binary @{} http://{}/ingest/entra.signin\n\n\
             保存先は Delta Lake 形式のテーブルです：{}\n\
             設定ファイル：{config}\n",
            if shown.exit {
                format!("サービスを停止します。`{program} run -c {config}` で再び起動し、次をお試しください。")
            } else {
                "サービスは動作を続けています。別の端末で次をお試しください。".to_owned()
            },
            shown.samples.join("leaver/entra.signin.ndjson").display(),
            addresses.http,
            tables.display()
        ),
    };
    anstream::eprintln!("{next}");
    if !shown.exit {
        anstream::eprintln!(
            "{}",
            if shown.lang == Lang::Ja {
                "終了するには Ctrl-C を押してください。"
            } else {
                "Ctrl-C stops it."
            }
        );
    }
}
