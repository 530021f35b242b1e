use proptest::prelude::*;

use super::*;

fn check(input: &str, expected: &[&str]) {
    let found: Vec<String> = split(input.as_bytes())
        .into_iter()
        .map(|record| String::from_utf8_lossy(record).into_owned())
        .collect();
    assert_eq!(found, expected, "of {input:?}");
}

#[test]
fn objects_on_lines_are_records() {
    check(
        "{\"a\":1}\n{\"b\":\"}\\\"\"}\r\n\n {\"c\":[{}]} \n",
        &["{\"a\":1}", "{\"b\":\"}\\\"\"}", "{\"c\":[{}]}"],
    );
}

#[test]
fn objects_without_line_ends_between_them_are_records() {
    check(
        "{\"a\":1}{\"b\":2} {\"c\":3},{\"d\":4}",
        &["{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "{\"d\":4}"],
    );
}

#[test]
fn an_object_over_many_lines_is_one_record() {
    check(
        "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n{\n}",
        &["{\n  \"a\": {\n    \"b\": 1\n  }\n}", "{\n}"],
    );
}

#[test]
fn elements_of_an_array_are_records() {
    check(
        "[{\"a\":1} , {\"b\":[2,3]},\n{}]",
        &["{\"a\":1}", "{\"b\":[2,3]}", "{}"],
    );
    check(" [ ] ", &[]);
    check("\u{feff}[{\"a\":\"日本\"}]", &["{\"a\":\"日本\"}"]);
}

#[test]
fn an_envelope_is_opened() {
    check("{\"records\":[{\"a\":1},{\"b\":2}]}", &["{\"a\":1}", "{\"b\":2}"]);
    check(
        "{\"Records\" : [ {\"a\":1} ] }\n{\"Records\":[{\"b\":2}]}",
        &["{\"a\":1}", "{\"b\":2}"],
    );
    check(
        "{\"@odata.context\":\"x\",\"value\":[{\"a\":1}],\"@odata.nextLink\":\"y\"}",
        &["{\"a\":1}"],
    );
    check(
        "{\"kind\":\"reports\",\"etag\":\"e\",\"items\":[{\"a\":1}]}",
        &["{\"a\":1}"],
    );
    check(
        "{\"eventId\":\"1\",\"data\":{\"events\":[{\"a\":1},{\"b\":2}]}}",
        &["{\"a\":1}", "{\"b\":2}"],
    );
    check(
        "[{\"records\":[{\"a\":1}]},{\"records\":[{\"b\":2}]},{\"c\":3}]",
        &["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"],
    );
    check("{\"records\":[]}", &[]);
}

#[test]
fn an_event_that_has_an_array_is_not_opened() {
    for event in [
        "{\"user\":\"hana\",\"items\":[{\"a\":1}]}",
        "{\"records\":[1,2]}",
        "{\"value\":\"x\"}",
        "{\"data\":{\"events\":[{}],\"more\":1}}",
        "{\"events\":[{}]}",
        "{\"records\":[{}],\"items\":[{}]}",
        "{\"a\":{\"records\":[{}]}}",
    ] {
        check(event, &[event]);
    }
}

#[test]
fn lines_of_text_are_records() {
    check("one\ntwo\r\n\n three", &["one", "two", " three"]);
    check(
        "[Fri Sep 09 10:42:29] [core:error] x\n[Fri] y",
        &["[Fri Sep 09 10:42:29] [core:error] x", "[Fri] y"],
    );
    check("[{worker}] started\nnext", &["[{worker}] started", "next"]);
    check("[1,2]", &["[1,2]"]);
}

#[test]
fn a_line_that_was_cut_off_costs_no_other() {
    check("{\"a\":1\n{\"b\":2}\n", &["{\"a\":1", "{\"b\":2}"]);
    check("{\"a\":\"x\n{\"b\":2}\n", &["{\"a\":\"x", "{\"b\":2}"]);
    check("{\"a\":{\n{\"b\":2}\n", &["{\"a\":{", "{\"b\":2}"]);
    check(
        "{\"a\":1}\nnot json\n{\"b\":2}",
        &["{\"a\":1}", "not json", "{\"b\":2}"],
    );
    check("{\"a\":1} trailing\n{\"b\":2}", &["{\"a\":1} trailing", "{\"b\":2}"]);
}

#[test]
fn a_bad_element_costs_no_other() {
    check(
        "[{\"a\":1},{bad},3,{\"b\":2}]",
        &["{\"a\":1}", "{bad}", "3", "{\"b\":2}"],
    );
    check("[{\"a\":1},{\"b\":2},{\"c\":", &["{\"a\":1}", "{\"b\":2}", "{\"c\":"]);
    check(
        "[{\"a\":1},{\"b\":\"x\n},{\"c\":3}]\n",
        &["{\"a\":1}", "{\"b\":\"x", "}", "{\"c\":3}"],
    );
}

/// Input that makes a naive reader look for the same end again and again.
#[test]
fn hostile_input_takes_linear_time() {
    for part in [
        "{\n",
        "[{,",
        "{\"a\":[\n",
        "[{\"\\\"",
        "{\"a\":",
        "[{},{",
        "{,{\"\\\"\n",
        "[{}{",
    ] {
        let input = part.repeat(100_000);
        let bytes: usize = split(input.as_bytes()).iter().map(|record| record.len()).sum();
        assert!(bytes <= input.len());
        let input = format!("{input}}}x");
        assert!(!split(input.as_bytes()).is_empty());
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ",",
        ":",
        "\n",
        "\r\n",
        " ",
        "a",
        "1",
        "é",
        "{\"a\":1}",
        "[{",
        "}]",
        "\"x\"",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Where each record begins; fails if it is no part of the input, or comes before the one before it.
fn gaps(input: &[u8]) -> Vec<u8> {
    let mut gaps = Vec::new();
    let mut place = 0;
    for record in split(input) {
        let start = record.as_ptr().addr() - input.as_ptr().addr();
        assert!(
            place <= start,
            "records overlap in {:?}",
            String::from_utf8_lossy(input)
        );
        gaps.extend_from_slice(&input[place..start]);
        place = start + record.len();
    }
    gaps.extend_from_slice(&input[place..]);
    gaps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_left_out_but_brackets_and_space(input in pieces()) {
        let gaps = gaps(input.as_bytes());
        let left_out = String::from_utf8_lossy(&gaps);

        prop_assert!(left_out.chars().all(|c| " \r\n[],".contains(c)), "{left_out:?} of {input:?}");
    }

    #[test]
    fn any_bytes_are_split_without_panic(input in prop::collection::vec(any::<u8>(), 0..300)) {
        gaps(&input);
    }

    #[test]
    fn objects_come_out_as_they_went_in(
        values in prop::collection::vec("[a-z\\PC\"\\\\{}]{0,10}", 0..6),
        separator in prop::sample::select(vec!["\n", "", "\r\n", " "]),
    ) {
        let objects: Vec<String> = values.iter().map(|v| serde_json::json!({"v": v, "w": [{}, v]}).to_string()).collect();
        let expected: Vec<&str> = objects.iter().map(String::as_str).collect();

        check(&objects.join(separator), &expected);
        check(&format!("[{}]", objects.join(",")), &expected);
        check(&format!("{{\"records\": [{}]}}", objects.join(" ,\n")), &expected);
    }
}
