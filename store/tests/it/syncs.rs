//! Each file is synced before it gets its name, and its folder after: seen from outside, in the calls to the kernel.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::{assert_exactly, stored};

/// Where the traced process keeps its tables.
const DIR_VARIABLE: &str = "SEKISHO_STORE_TRACED_DIR";

/// This test, as the traced process calls it.
const TRACED: &str = "syncs::a_commit_that_can_be_traced";

#[expect(
    clippy::disallowed_methods,
    reason = "a process that is traced learns from its environment where to work"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_can_be_traced() {
    let own = tempfile::tempdir().unwrap();
    let dir = std::env::var(DIR_VARIABLE).map_or_else(|_| own.path().to_owned(), PathBuf::from);
    stored(&dir, 20, 10).await.unwrap();
    if dir == own.path() {
        assert_exactly(&dir, 20).await;
    }
}

/// A call that ended well, with what it was about.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Sync(String),
    Name { from: String, to: String },
}

#[test]
fn every_file_is_synced_before_and_its_folder_after_it_gets_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let Some(trace) = trace(&root) else {
        eprintln!("skipped: strace is missing, or may not trace here");
        return;
    };
    let calls = calls(&trace);
    let mut checked = [0; 4];
    for path in files(&root) {
        let name = path.to_str().unwrap();
        let kind = match name {
            name if name.ends_with("manifest.json") => 0,
            name if name.contains("/state/") => 1,
            name if name.contains("/_delta_log/") => 2,
            name if name.ends_with(".parquet") => 3,
            other => panic!("{other} is of no kind"),
        };
        let named = calls
            .iter()
            .rposition(|(_, call)| matches!(call, Call::Name { to, .. } if to == name));
        let named = named.unwrap_or_else(|| panic!("{name} was not published by rename or link"));
        let (thread, Call::Name { from, .. }) = &calls[named] else {
            unreachable!()
        };
        let synced = |place: &str, calls: &[(String, Call)]| {
            calls
                .iter()
                .any(|(by, call)| by == thread && matches!(call, Call::Sync(what) if what == place))
        };
        assert!(
            synced(from, &calls[..named]),
            "{name} was not synced before it got its name"
        );
        assert!(
            synced(path.parent().unwrap().to_str().unwrap(), &calls[named..]),
            "the folder of {name} was not synced"
        );
        checked[kind] += 1;
    }
    // Two epochs: three tables were made, and two commits each to events, rejects and alerts.
    assert_eq!(checked, [1, 2, 9, 6], "manifest, states, log entries, data files");
    in_the_order_of_the_epoch(&calls);
    eprintln!("traced: {} files, {} calls", checked.iter().sum::<i32>(), calls.len());
}

/// Data files and state come before the first log entry of an epoch, the manifest after the last.
fn in_the_order_of_the_epoch(calls: &[(String, Call)]) {
    let epoch = calls.split(|(_, call)| matches!(call, Call::Name { to, .. } if to.ends_with("manifest.json")));
    for calls in epoch.take(2) {
        let last = |is: &dyn Fn(&str) -> bool| {
            calls
                .iter()
                .rposition(|(_, call)| matches!(call, Call::Name { to, .. } if is(to)))
                .unwrap()
        };
        let first_commit = calls
            .iter()
            .position(|(_, call)| {
                matches!(call, Call::Name { to, .. } if to.contains("/_delta_log/") && !to.ends_with("0000.json"))
            })
            .unwrap();
        assert!(last(&|name| name.contains("/date=")) < first_commit);
        assert!(last(&|name| name.contains("/state/")) < first_commit);
    }
}

fn trace(root: &Path) -> Option<String> {
    let out = root.with_extension("strace");
    let status = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-s",
            "4096",
            "-e",
            "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat",
            "-o",
        ])
        .arg(&out)
        .arg(std::env::current_exe().unwrap())
        .args([TRACED, "--exact"])
        .env(DIR_VARIABLE, root)
        .output()
        .ok()?;
    let trace = std::fs::read_to_string(&out).ok()?;
    std::fs::remove_file(out).unwrap();
    if trace.is_empty() {
        return None;
    }
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    Some(trace)
}

/// The calls, each with its thread, in the order in which they were begun.
fn calls(trace: &str) -> Vec<(String, Call)> {
    trace
        .lines()
        .filter_map(|line| {
            let (thread, call) = line.split_once(' ')?;
            let call = call.trim_start();
            let quoted: Vec<_> = call.split('"').skip(1).step_by(2).map(str::to_owned).collect();
            let call = match (call.split_once('(')?.0, quoted.as_slice()) {
                ("fsync" | "fdatasync", _) => Call::Sync(call.split_once('<')?.1.split_once('>')?.0.to_owned()),
                (_, [from, to]) => Call::Name {
                    from: from.clone(),
                    to: to.clone(),
                },
                _ => return None,
            };
            Some((thread.to_owned(), call))
        })
        .collect()
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}
