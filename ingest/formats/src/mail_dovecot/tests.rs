use super::{MailDovecot, sniff};
use crate::testing::run_cases;

#[test]
fn every_line_is_read_as_its_case_says() {
    run_cases(include_str!("cases.ndjson"), || Box::new(MailDovecot::default()), sniff);
}

#[test]
fn the_lines_of_other_programs_are_not_taken() {
    for line in [
        "Jun  5 10:11:12 web1 sshd[7]: Accepted",
        "Jun  5 10:11:12 web1 imap: x",
        "hello",
    ] {
        assert!(!sniff(line.as_bytes()), "{line}");
    }
}
