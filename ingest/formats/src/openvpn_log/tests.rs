use sekisho_model::{Column, Projection, Snapshot};

use super::{OpenvpnLog, sniff};
use crate::testing::{feed, run_cases};
use crate::{Format, Output};

#[test]
fn every_line_is_read_as_its_case_says() {
    run_cases(include_str!("cases.ndjson"), || Box::new(OpenvpnLog::default()), sniff);
}

#[test]
fn the_lines_of_other_programs_are_not_taken() {
    for line in [
        "Jun  5 10:11:12 vpn1 sshd[7]: user 'hana' authenticated",
        "Jun  5 10:11:12 vpn1 kernel: wireguard: wg0: Invalid handshake initiation from 203.0.113.9:51820",
        "hello",
    ] {
        assert!(!sniff(line.as_bytes()), "{line}");
    }
}

const FAILURE: [&str; 4] = [
    "Jun  5 10:11:12 vpn1 openvpn[7]: 203.0.113.7:45321 VERIFY OK: depth=0, CN=hana",
    "Jun  5 10:11:13 vpn1 openvpn[7]: 203.0.113.7:45321 TLS Auth Error: Auth Username/Password verification failed for peer",
    "Jun  5 10:11:13 vpn1 openvpn[7]: 203.0.113.7:45321 [hana] Peer Connection Initiated with [AF_INET]203.0.113.7:45321",
    "Jun  5 10:11:14 vpn1 openvpn[7]: 203.0.113.7:45321 SENT CONTROL [hana]: 'AUTH_FAILED' (status=1)",
];

#[test]
fn a_restart_between_any_two_lines_changes_nothing() {
    let rows = |split: usize| {
        let mut out = Output::new(&Projection::default());
        let mut first = OpenvpnLog::default();
        feed(&mut first, &FAILURE[..split], 0, &mut out);
        let mut snapshot = Snapshot::default();
        first.snapshot(&mut snapshot).unwrap();
        let mut second = OpenvpnLog::default();
        second.restore(&snapshot);
        feed(&mut second, &FAILURE[split..], i64::try_from(split).unwrap(), &mut out);
        let batch = out.rows.finish();
        let columns = [Column::Activity, Column::StatusId, Column::UserName];
        (0..batch.len())
            .map(|row| columns.map(|column| batch.display(column, row)))
            .collect::<Vec<_>>()
    };
    let whole = rows(FAILURE.len());
    let failures = whole
        .iter()
        .filter(|[activity, ..]| activity.as_deref() == Some("logon"));
    assert_eq!(failures.count(), 1);
    for split in 0..FAILURE.len() {
        assert_eq!(rows(split), whole, "{split}");
    }
}
