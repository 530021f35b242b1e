//! The program as a command, and the sample logs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command printed, and its exit status.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Fails unless all went well.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self.out
    }
}

/// The folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, in surroundings that are the same everywhere.
pub(super) fn command<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SEKISHO") {
            command.env_remove(name);
        }
    }
    command
        .args(args)
        .current_dir(root())
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub(crate) fn sekisho<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    sekisho_with(args, "")
}

/// Runs the program to its end, with something on its standard input.
pub(crate) fn sekisho_with<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>, input: &str) -> Ran {
    let mut child = command(args).stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it has a standard input");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program that does not read its input has closed it.
        stdin.write_all(input.as_bytes()).ok();
    });
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends");
    Ran {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).expect("output is UTF-8"),
        err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

/// NDJSON as values.
pub(crate) fn ndjson(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// A sample log.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Relative to the folder of the project.
    pub(crate) path: PathBuf,
    /// What wrote it.
    pub(crate) source: String,
}

impl Sample {
    /// Its text.
    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(root().join(&self.path)).expect("a sample can be read")
    }

    /// Whether a source pushes it over HTTP; else it is text that comes by syslog.
    pub(crate) fn is_json(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "ndjson")
    }
}

/// The sample logs in `sample-logs/<folder>`.
pub(crate) fn samples(folder: &str) -> Vec<Sample> {
    let folder = Path::new("sample-logs").join(folder);
    let mut found: Vec<Sample> = std::fs::read_dir(root().join(&folder))
        .expect("the samples are there")
        .filter_map(|entry| {
            let name = entry
                .expect("a folder can be listed")
                .file_name()
                .into_string()
                .expect("names are UTF-8");
            let source = name.strip_suffix(".ndjson").or_else(|| name.strip_suffix(".log"))?;
            (!source.ends_with(".expected")).then(|| Sample {
                path: folder.join(&name),
                source: source.to_owned(),
            })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// One sample log.
pub(crate) fn sample(folder: &str, source: &str) -> Sample {
    samples(folder)
        .into_iter()
        .find(|sample| sample.source == source)
        .expect("there is such a sample")
}
