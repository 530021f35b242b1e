//! Real logs, which are not part of the project: every line of every file, to every format.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may panic, and says so when it has nothing to do"
)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sekisho_formats::{Decoder, FORMATS, Settings, YearPolicy};
use sekisho_model::{Column, EventBatch, Origin, Projection, Raw, Reject, Time};

/// Files that are no text.
const BINARY: [&str; 3] = ["mmdb", "gz", "zip"];

fn decoder() -> Decoder {
    let settings = Settings {
        zone: jiff::tz::TimeZone::UTC,
        year: YearPolicy::Nearest,
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..Settings::default()
    };
    Decoder::new(settings, Projection::new(["method", "properties.status.errorCode"]))
}

fn origin(source: &str) -> Origin {
    Origin {
        tenant: "default".into(),
        source: source.into(),
        label: "test".into(),
        log: "test".into(),
        backfill: false,
    }
}

/// Decodes records in batches of the given sizes, in turn.
fn decode(source: &str, records: &[&[u8]], sizes: &[usize]) -> (Vec<EventBatch>, Vec<Reject>) {
    let (origin, mut decoder) = (origin(source), decoder());
    let (mut out, mut batches, mut next) = (decoder.output(), Vec::new(), 0);
    for size in sizes.iter().cycle() {
        if next >= records.len() {
            break;
        }
        for bytes in records.iter().skip(next).take(*size) {
            let offset = i64::try_from(next).unwrap();
            decoder.decode(
                &Raw {
                    origin: &origin,
                    offset,
                    observed: Time::from_secs(1_780_000_000),
                    bytes,
                },
                &mut out,
            );
            next += 1;
        }
        batches.push(out.rows.finish());
    }
    decoder.flush(&mut out);
    batches.push(out.rows.finish());
    (batches, out.rejects)
}

/// Checks that no record vanished; returns how many were rejected.
fn check(source: &str, records: &[&[u8]], batches: &[EventBatch], rejects: &[Reject]) -> usize {
    let mut seen: Vec<u64> = vec![0; records.len()];
    let mut joined = 0;
    for (batch, row) in batches
        .iter()
        .flat_map(|batch| (0..batch.len()).map(move |row| (batch, row)))
    {
        let offset = usize::try_from(batch.int(Column::Offset, row).unwrap()).unwrap();
        seen[offset] += 1;
        let native = batch
            .text(Column::Native, row)
            .and_then(|native| native.split("\"lines\":\"").nth(1));
        joined += native
            .and_then(|lines| lines.split('"').next())
            .map_or(0, |lines| lines.parse().unwrap());
    }
    for reject in rejects {
        let offset = usize::try_from(reject.offset).unwrap();
        assert_eq!(seen[offset], 0, "{source}: a row and a reject of {}", reject.raw);
        assert!(!reject.reason.is_empty());
        seen[offset] += 1;
    }
    let unseen = seen.iter().filter(|seen| **seen == 0).count();
    // The head of a table is none of its rows, and a row may be of several lines.
    let is_table = source == "csv.map";
    assert!(
        unseen <= joined || is_table,
        "{source}: {unseen} records gave nothing, and {joined} were joined"
    );
    rejects.len()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if !path
            .extension()
            .is_some_and(|extension| BINARY.iter().any(|binary| extension == *binary))
        {
            found.push(path);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "says where the logs are, which no setting does"
)]
fn corpora() -> Option<PathBuf> {
    let folder = std::env::var("SEKISHO_CORPORA").ok();
    if folder.is_none() {
        eprintln!("skipped: SEKISHO_CORPORA does not say where the logs are");
    }
    folder.map(PathBuf::from)
}

#[test]
fn no_line_of_the_real_logs_is_lost_by_any_format() {
    let Some(corpora) = corpora() else { return };
    let mut paths = Vec::new();
    files(&corpora, &mut paths);
    assert!(!paths.is_empty(), "no files in {}", corpora.display());
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let lines: Vec<&[u8]> = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        let sources = FORMATS.iter().map(|spec| spec.id).chain(["auto"]);
        for source in sources {
            let (batches, rejects) = decode(source, &lines, &[1000]);
            check(source, &lines, &batches, &rejects);
        }
    }
}

#[test]
fn every_line_of_a_log_is_told_apart_by_its_first_bytes() {
    let Some(corpora) = corpora() else { return };
    for (file, sources, rejected) in [
        ("auth/auth.log", &["linux.sshd", "linux.sudo"][..], 0),
        ("apache/access.log", &["web.combined"], 0),
    ] {
        let bytes = std::fs::read(corpora.join("logs").join(file)).unwrap();
        let lines: Vec<&[u8]> = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        let (batches, rejects) = decode("auto", &lines, &[1000]);
        assert_eq!(rejects.len(), rejected, "{file}");
        for (batch, row) in batches
            .iter()
            .flat_map(|batch| (0..batch.len()).map(move |row| (batch, row)))
        {
            let source = batch.text(Column::Source, row).unwrap();
            assert!(sources.contains(&source), "{file}: {source}");
            assert_ne!(
                batch.text(Column::ParseStatus, row),
                Some("partial"),
                "{:?}",
                batch.text(Column::Raw, row)
            );
        }
    }
}

/// Pieces that lines are made of, so that what is made up comes near to what is real.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "<38>",
        "<38>1 ",
        "Jun  5 10:11:12 ",
        "2026-06-05T10:11:12Z ",
        "Feb 30 25:61:61 ",
        "web1 ",
        "sshd[7]: ",
        "sudo: ",
        "postfix/smtpd[7]: ",
        "postfix/cleanup[7]: ",
        "postfix/qmgr[7]: ",
        "dovecot: ",
        "imap-login: ",
        "ABCDEF0: ",
        "client=a[203.0.113.9]",
        ", sasl_username=hana",
        "message-id=<1@x>",
        "from=<x>, size=1, nrcpt=2 (queue active)",
        "Failed password for ",
        "Accepted publickey for ",
        "invalid user ",
        " from ",
        "203.0.113.9",
        "2001:db8::1",
        " port 1",
        " ssh2",
        "message repeated 99999999999999999999 times: [ ",
        "message repeated 3 times: [ ",
        "]",
        "[",
        "\"",
        "\\",
        "\\x2",
        "pam_unix(sshd:auth): ",
        "authentication failure; rhost=",
        "user=<",
        ">, ",
        "rip=",
        "method=",
        "(auth failed, 3 attempts)",
        "[05/Jun/2026:10:11:12 +0900]",
        "[99/Foo/2026:10:11:12",
        " - - ",
        "\"GET / HTTP/1.1\" 200 1 ",
        "\"-\" ",
        " 999 ",
        "-",
        "[Fri Jun 05 10:11:12 2026] ",
        "2026/06/05 10:11:12 [error] 7#7: ",
        ", client: ",
        "あ",
        "\u{feff}",
        "\0",
        " ",
        "{",
        "}",
        "{\"id\":\"x\",\"category\":\"SignInLogs\"}",
        "{\"Id\":\"x\",\"Workload\":\"Exchange\"}",
        "\t",
        "\r\n",
    ]);
    let made = prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![3 => made, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_bytes_no_record_is_lost(records in prop::collection::vec(record(), 1..20)) {
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        // Of tables, lines of headers are no records; their law stands beside them.
        let sources = FORMATS.iter().map(|spec| spec.id).filter(|id| *id != "csv.map");
        for source in sources.chain(["auto", "no.such"]) {
            let (batches, rejects) = decode(source, &records, &[5]);
            let rejected = check(source, &records, &batches, &rejects);
            prop_assert!(source != "no.such" || rejected == records.len());
        }
    }

    #[test]
    fn rows_do_not_depend_on_how_records_are_cut_into_batches(
        records in prop::collection::vec(record(), 1..20),
        sizes in prop::collection::vec(1..7usize, 1..5),
    ) {
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        for source in FORMATS.iter().map(|spec| spec.id).chain(["auto"]) {
            let cells = |batches: Vec<EventBatch>| -> Vec<Vec<Option<String>>> {
                batches
                    .iter()
                    .flat_map(|batch| (0..batch.len()).map(move |row| (batch, row)))
                    .map(|(batch, row)| {
                        sekisho_model::schema::COLUMNS.iter().map(|spec| batch.display(spec.column, row)).collect()
                    })
                    .collect()
            };
            let (whole, rejects) = decode(source, &records, &[1000]);
            let (cut, cut_rejects) = decode(source, &records, &sizes);
            prop_assert_eq!(cells(whole), cells(cut));
            prop_assert_eq!(rejects, cut_rejects);
        }
    }
}
