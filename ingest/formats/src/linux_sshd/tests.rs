use sekisho_model::{Column, Projection, Snapshot, Time};

use super::{LinuxSshd, sniff};
use crate::testing::{self, feed, run_cases};
use crate::{Format, Output, YearPolicy};

#[test]
fn every_line_is_read_as_its_case_says() {
    run_cases(include_str!("cases.ndjson"), || Box::new(LinuxSshd::default()), sniff);
}

#[test]
fn the_program_decides_between_the_two_names_and_both_read_alike() {
    for (program, message, expected) in [
        (
            "sshd[7]",
            "Failed password for hana from 203.0.113.9 port 9 ssh2",
            "linux.sshd",
        ),
        (
            "sudo",
            "hana : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
            "linux.sudo",
        ),
        ("su[7]", "FAILED su for root by hana", "linux.sudo"),
        ("/usr/bin/pkexec[7]", "x", "linux.sudo"),
        (
            "sudo[7]",
            "pam_unix(sudo:session): session opened for user root by hana(uid=0)",
            "linux.sudo",
        ),
        (
            "login[7]",
            "FAILED LOGIN (1) on '/dev/tty1' FOR 'hana', x",
            "linux.sshd",
        ),
    ] {
        let line = format!("Jun  5 10:11:12 web1 {program}: {message}");
        assert_eq!(crate::classify(line.as_bytes()), expected, "{line}");
        let cells = |mut format: LinuxSshd| {
            let mut out = Output::new(&Projection::default());
            feed(&mut format, &[&line], 0, &mut out);
            let rows = out.rows.finish();
            let columns = [Column::Activity, Column::StatusId, Column::UserName, Column::Native];
            (
                rows.text(Column::Source, 0).unwrap().to_owned(),
                columns.map(|column| rows.display(column, 0)),
            )
        };
        let (sshd, sudo) = (cells(LinuxSshd::default()), cells(LinuxSshd::sudo()));
        assert_eq!((&*sshd.0, &*sudo.0), ("linux.sshd", "linux.sudo"));
        assert_eq!(sshd.1, sudo.1);
    }
}

#[test]
fn the_lines_of_other_programs_are_not_taken() {
    for line in [
        "Jun  5 10:11:12 mx postfix/smtpd[7]: connect from unknown[203.0.113.9]",
        "Jun  5 10:11:12 mx dovecot: imap-login: Login: user=<hana>, rip=203.0.113.9",
        "203.0.113.9 - - [05/Jun/2026:10:11:12 +0900] \"GET / HTTP/1.1\" 200 1",
        "hello",
    ] {
        assert!(!sniff(line.as_bytes()), "{line}");
    }
}

#[test]
fn fields_that_a_rule_asks_for_are_extracted() {
    let mut out = Output::new(&Projection::new(["KEY_TYPE", "port", "missing"]));
    let line = "Jun  5 10:11:12 web1 sshd[7]: Accepted publickey for hana from 203.0.113.9 port 9 ssh2: RSA SHA256:x";
    feed(&mut LinuxSshd::default(), &[line], 0, &mut out);
    let batch = out.rows.finish();
    assert_eq!(batch.side("KEY_TYPE").unwrap().get(0), Some("RSA"));
    assert_eq!(batch.side("port").unwrap().get(0), Some("9"));
    assert_eq!(batch.side("missing").unwrap().get(0), None);
}

#[test]
fn the_year_of_a_log_turns_and_survives_a_restart() {
    let settings = crate::Settings {
        year: YearPolicy::Starting(2017),
        ..testing::settings()
    };
    let origin = testing::origin();
    let mut out = Output::new(&Projection::default());
    let mut decode = |format: &mut LinuxSshd, stamp: &str| {
        let line = format!("{stamp} 12:00:00 web1 sshd[7]: Server listening on :: port 22.");
        let raw = sekisho_model::Raw {
            origin: &origin,
            offset: 0,
            observed: Time(0),
            bytes: line.as_bytes(),
        };
        format.decode(&raw, &settings, &mut out);
    };
    let (mut before, mut after, mut snapshot) = (LinuxSshd::default(), LinuxSshd::default(), Snapshot::default());
    decode(&mut before, "Dec 31");
    decode(&mut before, "Jan  1");
    before.snapshot(&mut snapshot).unwrap();
    after.restore(&snapshot);
    decode(&mut after, "Jan  2");
    let batch = out.rows.finish();
    let years: Vec<String> = (0..3)
        .map(|row| batch.display(Column::Time, row).unwrap().chars().take(4).collect())
        .collect();
    assert_eq!(years, ["2017", "2018", "2018"]);
}
