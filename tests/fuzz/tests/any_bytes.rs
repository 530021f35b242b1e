//! The laws on bytes that are made up: noise, and pieces of what sources send.

use proptest::prelude::*;

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\n",
    "\\",
    "\\u",
    "=",
    " ",
    "<13>",
    "1 ",
    "2026-06-05T10:11:12Z",
    "Jun  5 10:11:12 ",
    "records",
    "value",
    "data",
    "events",
    "message",
    "event",
    "\"actor\":",
    "\"eventType\":\"user.session.start\"",
    "null",
    "user=",
    "remip=203.0.113.9",
    "date=2026-06-05 time=10:11:12 devid=F",
    "sshd[1]: ",
    "Failed password for root from 203.0.113.9",
    "%ASA-6-113039: ",
    ",GLOBALPROTECT,",
    "日時,ユーザー,IPアドレス\n",
    "\u{feff}",
    "\u{0}",
    "-",
    "GET / HTTP/1.1",
    "postfix/smtpd[7]: A1: client=",
    "あ",
    "\"protoPayload\":",
    "\"Records\":[",
    "\"time\":1780000000000",
];

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn decoding_keeps_its_laws(source in any::<u8>(), body in any_body()) {
        sekisho_fuzz::decode(&[&[source % 64], body.as_slice()].concat());
    }

    #[test]
    fn taking_apart_keeps_its_laws(body in any_body()) {
        sekisho_fuzz::unwrap(&body);
    }
}
