//! Rows of a table: cells between delimiters, quoted where they hold one.

/// The most cells of a row. PAN-OS writes some hundred.
const CELLS_MAX: usize = 512;

/// The cells of a row. A quote within quotes is written twice.
pub(crate) fn cells(line: &str, delimiter: char) -> Vec<String> {
    split(line, delimiter).0
}

/// Whether the row ends within quotes: it goes on in the next line.
pub(crate) fn is_open(line: &str, delimiter: char) -> bool {
    split(line, delimiter).1
}

/// The cells, and whether the last one is not closed.
fn split(line: &str, delimiter: char) -> (Vec<String>, bool) {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted || cell.trim().is_empty() => {
                if !quoted {
                    cell.clear();
                }
                quoted = !quoted;
            }
            c if c == delimiter && !quoted && cells.len() < CELLS_MAX => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    (cells, quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_between_delimiters() {
        for (line, expected) in [
            ("a,b,c", vec!["a", "b", "c"]),
            (r#"a,"b,""c""",d"#, vec!["a", r#"b,"c""#, "d"]),
            (",,", vec!["", "", ""]),
            (r#""open"#, vec!["open"]),
            (r#"it is 5" wide,x"#, vec![r#"it is 5" wide"#, "x"]),
            ("", vec![""]),
        ] {
            assert_eq!(cells(line, ','), expected, "{line}");
        }
        assert_eq!(cells("a b", ' '), ["a", "b"]);
        assert!(is_open("a,\"b\nc", ','));
        assert!(!is_open("a,\"b\nc\",d", ','));
    }
}
