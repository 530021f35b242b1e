//! A running service, its folder and its settings.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::program::command;
use super::{Answer, Collector, KEY, PATIENCE, Ran, eventually, ndjson, post, root, sekisho};

/// The sources of the samples, whose records are months old.
const SOURCES: &[&str] = &[
    "entra.signin",
    "m365.audit",
    "linux.sshd",
    "mail.postfix",
    "mail.dovecot",
    "web.combined",
];

/// A folder with settings and data.
#[derive(Debug)]
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    /// A folder whose settings are these.
    pub(crate) fn new(settings: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(dir.path().join("sekisho.toml"), settings).expect("settings can be written");
        Self { dir }
    }

    /// A folder with the settings of the sample firm, and more of them.
    pub(crate) fn of_the_firm(more: &str) -> Self {
        let samples = root().join("sample-logs");
        let home = Self::new("");
        for list in ["people.csv", "networks.csv"] {
            std::fs::copy(samples.join(list), home.path(list)).expect("a list can be copied");
        }
        let sources: String = SOURCES
            .iter()
            .map(|id| format!("[source.\"{id}\"]\nbackfill = true\n"))
            .collect();
        let settings = format!(
            "data = \"data\"\nzone = \"Asia/Tokyo\"\n{more}\n\
             [listen]\nhttp = \"127.0.0.1:0\"\nsyslog_udp = \"127.0.0.1:0\"\nsyslog_tcp = \"127.0.0.1:0\"\n\
             [geo]\ncity = '{samples}/geo/City.mmdb'\nasn = '{samples}/geo/ASN.mmdb'\n\
             [context]\npeople = \"people.csv\"\nnetworks = \"networks.csv\"\n\
             [store]\nepoch_secs = 1\n{sources}",
            samples = samples.display(),
        );
        std::fs::write(home.config(), settings).expect("settings can be written");
        home
    }

    /// The same, which tells its incidents to webhooks in English (`en`) and Japanese (`ja`), and to
    /// a Slack channel (`slack`).
    pub(crate) fn with_channels(collector: &Collector) -> Self {
        let channel = |name: &str, kind: &str, lang: &str, key: &str| {
            format!(
                "[[channel]]\nname = \"{name}\"\ntype = \"{kind}\"\nurl = \"{}\"\nlang = \"{lang}\"\n\
                 min_level = \"high\"\nallow_plaintext = true\n{key}",
                collector.url(name)
            )
        };
        let key = format!("secret = \"{KEY}\"\n");
        Self::of_the_firm(
            &[
                channel("en", "webhook", "en", &key),
                channel("ja", "webhook", "ja", &key),
                channel("slack", "slack", "ja", ""),
            ]
            .concat(),
        )
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The settings file.
    pub(crate) fn config(&self) -> String {
        self.path("sekisho.toml")
            .to_str()
            .expect("the path is UTF-8")
            .to_owned()
    }

    /// Asks in SQL.
    pub(crate) fn sql(&self, format: &str, query: &str) -> Ran {
        sekisho(["sql", "-c", &self.config(), "--format", format, query])
    }

    /// The answer to a question, as rows.
    pub(crate) fn rows(&self, query: &str) -> Vec<Value> {
        ndjson(&self.sql("ndjson", query).ok())
    }

    /// The one number that is the answer to a question. Before the first record is stored there are
    /// no tables to ask.
    pub(crate) fn number(&self, query: &str) -> i64 {
        let ran = self.sql("ndjson", query);
        if ran.status == Some(2) && !self.path("data/tables").exists() {
            return 0;
        }
        let rows = ndjson(&ran.ok());
        let row = rows.first().and_then(Value::as_object).expect("there is an answer");
        row.values()
            .next()
            .and_then(Value::as_i64)
            .unwrap_or_else(|| panic!("not a number: {row:?}"))
    }

    /// Waits until the answer to a question is this number.
    pub(crate) fn wait_number(&self, query: &str, expected: i64) {
        let mut last = None;
        let begun = Instant::now();
        while last != Some(expected) {
            assert!(begun.elapsed() < PATIENCE, "{query} is {last:?}, not {expected}");
            last = Some(self.number(query));
        }
    }

    /// Starts the service.
    pub(crate) fn start(&self) -> Service {
        Service::start(Path::new(&self.config()))
    }
}

/// A running service; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) http: SocketAddr,
    pub(crate) syslog_tcp: SocketAddr,
    pub(crate) syslog_udp: SocketAddr,
}

impl Service {
    fn start(config: &Path) -> Self {
        let mut child = command([Path::new("run"), Path::new("-c"), config])
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let stderr = BufReader::new(child.stderr.take().expect("it has a standard error"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                kept.lock().expect("no thread failed").push(line);
            }
        });
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut service = Self {
            child,
            log,
            http: nowhere,
            syslog_tcp: nowhere,
            syslog_udp: nowhere,
        };
        let line = eventually("the service listens", || {
            if let Some(status) = service.child.try_wait().expect("a child can be asked") {
                panic!("the service ended: {status}\n{}", service.log());
            }
            service
                .log()
                .lines()
                .find(|line| line.contains("listening"))
                .map(str::to_owned)
        });
        service.http = address(&line, "http");
        service.syslog_tcp = address(&line, "syslog_tcp");
        service.syslog_udp = address(&line, "syslog_udp");
        service
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no thread failed").join("\n")
    }

    /// Sends a body that must be taken.
    pub(crate) fn ingest(&self, source: &str, body: &str) -> Answer {
        let answer = post(self.http, &format!("/ingest/{source}"), &[], body.as_bytes()).expect("there is an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Sends lines by syslog over TCP.
    pub(crate) fn syslog(&self, lines: &str) {
        let mut stream = TcpStream::connect(self.syslog_tcp).expect("it listens");
        stream.write_all(lines.as_bytes()).expect("it reads");
        stream
            .shutdown(std::net::Shutdown::Write)
            .expect("the connection is there");
    }

    /// Takes its breath away, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop as a service manager would; how it ended, and after how long.
    pub(crate) fn stop(mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it can be asked");
        let status = eventually("the service stops", || {
            self.child.try_wait().expect("a child can be asked")
        });
        (status.code(), begun.elapsed())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("the service said:\n{}", self.log());
        }
    }
}

fn address(line: &str, name: &str) -> SocketAddr {
    let value = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {line:?}"))
}
