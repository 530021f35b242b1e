use proptest::prelude::*;
use sekisho_model::{Column, EventBatch, Origin, Projection, Raw, Reject, Snapshot};

use super::*;
use crate::testing;

#[test]
fn every_case_is_read_as_written_beside_it() {
    testing::run_cases(include_str!("cases.ndjson"), || Box::new(CsvMap::default()), |_| true);
}

/// Feeds lines of the log of that label, one after the other.
fn feed(format: &mut CsvMap, label: &str, lines: &[&[u8]], settings: &Settings) -> (EventBatch, Vec<Reject>) {
    let origin = Origin {
        label: label.into(),
        ..testing::origin()
    };
    let mut out = Output::new(&Projection::default());
    for (offset, bytes) in (0..).zip(lines) {
        let raw = Raw {
            origin: &origin,
            offset,
            observed: testing::received(),
            bytes,
        };
        format.decode(&raw, settings, &mut out);
    }
    (out.rows.finish(), out.rejects)
}

const HEADER: &str = "日時,ユーザー,IPアドレス,操作,結果";
const ROW: &str = "2026/06/05 10:11:12,花子,203.0.113.9,ログイン,失敗";

#[test]
fn shift_jis_and_euc_are_read() {
    for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP, encoding_rs::UTF_8] {
        let (header, row) = (encoding.encode(HEADER).0, encoding.encode(ROW).0);
        let mut format = CsvMap::default();
        let (rows, rejects) = feed(&mut format, "x", &[&header, &row], &testing::settings());
        assert_eq!((rows.len(), rejects.len()), (1, 0), "{}", encoding.name());
        assert_eq!(rows.text(Column::UserName, 0), Some("花子"));
        assert_eq!(rows.text(Column::Raw, 0), Some(ROW));
        assert_eq!(rows.display(Column::StatusId, 0).as_deref(), Some("2"));
    }
}

#[test]
fn what_is_no_table_is_told_from_one() {
    for (bytes, reason) in [
        (&b"PK\x03\x04\x14\x00"[..], "workbook"),
        (b"\xFF\xFEe\x00", "UTF-16"),
        (b"\x00,\x00", "UTF-16"),
    ] {
        let (rows, rejects) = feed(&mut CsvMap::default(), "x", &[bytes], &testing::settings());
        assert_eq!((rows.len(), rejects.len()), (0, 1));
        assert!(rejects[0].reason.contains(reason), "{}", rejects[0].reason);
    }
}

#[test]
fn a_header_counts_for_its_own_log_and_wherever_it_stands_in_it() {
    let (mut format, settings) = (CsvMap::default(), testing::settings());
    let (header, row) = (HEADER.as_bytes(), ROW.as_bytes());
    assert_eq!(feed(&mut format, "file:a.csv#0", &[header, row], &settings).0.len(), 1);
    assert_eq!(feed(&mut format, "file:a.csv#99", &[row], &settings).0.len(), 1);
    assert_eq!(feed(&mut format, "file:b.csv#0", &[row], &settings).1.len(), 1);
}

#[test]
fn a_restart_forgets_neither_header_nor_half_a_row() {
    let (mut format, settings) = (CsvMap::default(), testing::settings());
    let open = "2026/06/05 10:11:12,hana,203.0.113.9,\"ログ";
    feed(&mut format, "x", &[HEADER.as_bytes(), open.as_bytes()], &settings);
    let mut snapshot = Snapshot::default();
    format.snapshot(&mut snapshot).unwrap();
    let mut again = CsvMap::default();
    again.restore(&snapshot);
    let (rows, rejects) = feed(&mut again, "x", &["イン\",成功".as_bytes()], &settings);
    assert_eq!((rows.len(), rejects.len()), (1, 0));
    assert_eq!(rows.text(Column::Action, 0), Some("ログ\nイン"));
}

#[test]
fn a_quote_that_is_not_closed_costs_its_own_line() {
    let settings = testing::settings();
    let mut lines = vec![HEADER.as_bytes(), b"2026/06/05 10:11:12,\"hana,203.0.113.9,x,y"];
    lines.extend([ROW.as_bytes(); 40]);
    let (rows, rejects) = feed(&mut CsvMap::default(), "x", &lines, &settings);
    assert_eq!((rows.len(), rejects.len()), (40, 1));
    let uids: std::collections::BTreeSet<_> = (0..40).map(|row| rows.text(Column::EventUid, row).unwrap()).collect();
    assert_eq!(uids.len(), 40);

    let mut format = CsvMap::default();
    feed(&mut format, "x", &lines[..3], &settings);
    let mut out = Output::new(&Projection::default());
    format.tick(testing::received(), 9, &mut out);
    assert_eq!(out.rejects.len(), 0);
    format.tick(testing::received().plus(WAIT_MAX), 9, &mut out);
    assert_eq!(out.rejects.len(), 2);
    format.flush(&mut out);
    assert_eq!(out.rejects.len(), 2);
}

#[test]
fn a_map_of_the_user_comes_first() {
    let map = r#"
        id = "csv.own"
        [record]
        shape = "csv"
        keys = [["日時", "ユーザー"]]
        zone = "local"
        time_formats = ["%Y/%m/%d %H:%M:%S"]
        [[rule]]
        set = { activity = "vpn_connect", action = "own" }
        [columns]
        time = "日時"
        user_name = "ユーザー"
    "#;
    let settings = Settings {
        maps: vec![Arc::new(Map::read(map).unwrap())],
        ..testing::settings()
    };
    let lines = [HEADER.as_bytes(), ROW.as_bytes()];
    let (rows, _) = feed(&mut CsvMap::default(), "x", &lines, &settings);
    assert_eq!(rows.text(Column::Activity, 0), Some("vpn_connect"));
    assert_eq!(rows.text(Column::Source, 0), Some(ID));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_line_is_of_one_row_or_reject_or_is_a_header(lines in prop::collection::vec(prop_oneof![
        Just(HEADER.as_bytes().to_vec()), Just(ROW.as_bytes().to_vec()), "[a-c\",]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| bytes.into_iter().filter(|b| *b != b'\n').collect()),
    ], 0..50)) {
        let mut format = CsvMap::default();
        let mut out = Output::new(&Projection::default());
        testing::feed(&mut format, &lines, 0, &mut out);
        format.flush(&mut out);
        let rows = out.rows.finish();
        let rows = (0..rows.len()).map(|row| rows.text(Column::Raw, row).unwrap().split('\n').count());
        let rejects = out.rejects.iter().map(|reject| reject.raw.split('\n').count());
        let found: usize = rows.sum::<usize>() + rejects.sum::<usize>();
        let headers = lines.iter().filter(|line| *line == HEADER.as_bytes()).count();
        prop_assert!(found <= lines.len() && lines.len() <= found + headers, "{found} of {}, {headers}", lines.len());
    }
}
