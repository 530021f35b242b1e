//! Reading the files of templates.

use super::value::{Event, Value};

/// An event that a source may tell of.
#[derive(Debug)]
pub(super) struct Template {
    /// How many of a hundred events are of this kind.
    pub(super) share: u64,
    lines: Vec<Vec<Piece>>,
}

/// A part of a line.
#[derive(Debug)]
enum Piece {
    Text(&'static str),
    Value(Value),
}

impl Template {
    /// The lines with the values of an event.
    pub(super) fn fill(&self, event: &Event) -> impl Iterator<Item = String> {
        self.lines.iter().map(|pieces| {
            let mut line = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => line.push_str(text),
                    Piece::Value(value) => line.push_str(&event.text(*value)),
                }
            }
            line
        })
    }
}

/// The templates of a file: each begins with `%` and its share, then come its lines.
pub(super) fn templates(text: &'static str) -> Vec<Template> {
    let mut templates: Vec<Template> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(share) = line.strip_prefix('%') {
            templates.push(Template {
                share: share.parse().unwrap_or_default(),
                lines: Vec::new(),
            });
        } else if let Some(template) = templates.last_mut() {
            template.lines.push(pieces(line));
        }
    }
    templates
}

/// The parts of a line. An `@` that does not begin the name of a value is itself.
fn pieces(line: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut words = line.split('@').peekable();
    let mut after_value = true;
    while let Some(word) = words.next() {
        let name = Value::by_name(word).filter(|_| !after_value && words.peek().is_some());
        if let Some(value) = name {
            pieces.push(Piece::Value(value));
        } else {
            if !after_value {
                pieces.push(Piece::Text("@"));
            }
            pieces.push(Piece::Text(word));
        }
        after_value = name.is_some();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    #[test]
    fn the_shares_of_a_source_are_a_hundred() {
        for source in Source::ALL {
            let shares: u64 = templates(source.text()).iter().map(|template| template.share).sum();
            assert_eq!(shares, 100, "{}", source.id());
        }
    }

    #[test]
    fn an_at_sign_is_itself_where_no_name_follows() {
        let [template] = &templates("%100\na@example.com @PID@ <@PID@@example.com> @\n")[..] else {
            panic!("one template")
        };
        let event = Event::new(1, 0);
        let pid = event.text(Value::by_name("PID").unwrap());
        let lines: Vec<String> = template.fill(&event).collect();
        assert_eq!(lines, [format!("a@example.com {pid} <{pid}@example.com> @")]);
    }
}
