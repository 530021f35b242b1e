//! The body of `_bulk`: a line that says what to do, and then the document on a line of its own.
//! <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk>

use std::borrow::Cow;

use crate::http::answer::Refusal;
use crate::http::json;
use crate::http::sorter::{Hint, Sorter};
use crate::lines::lines;

/// The index of documents that name none.
const INDEX: &str = "sekisho";

/// The longest name of an index, in bytes, as Elasticsearch has it; a longer one is not given back.
const INDEX_BYTES_MAX: usize = 255;

/// What the sender is told: one item for each action, in their order.
#[derive(Debug, Default)]
pub(super) struct Items {
    items: Vec<u8>,
    errors: bool,
}

impl Items {
    /// The answer as Fluent Bit looks for it: it compares `"errors":false,"items":[` letter by letter.
    pub(super) fn into_answer(self) -> Vec<u8> {
        let head = format!("{{\"took\":0,\"errors\":{},\"items\":[", self.errors);
        let mut answer = head.into_bytes();
        answer.extend_from_slice(&self.items);
        answer.extend_from_slice(b"]}");
        answer
    }

    fn taken(&mut self, action: &Action<'_>) {
        self.item(action, 201, "");
    }

    fn declined(&mut self, action: &Action<'_>) {
        self.errors = true;
        let error = r#","error":{"type":"illegal_argument_exception","reason":"only index and create are taken"}"#;
        self.item(action, 400, error);
    }

    fn item(&mut self, action: &Action<'_>, status: u16, error: &str) {
        if !self.items.is_empty() {
            self.items.push(b',');
        }
        let head = format!("{{\"{}\":{{\"_index\":", action.word);
        self.items.extend_from_slice(head.as_bytes());
        let index = action.index.as_deref().filter(|index| index.len() <= INDEX_BYTES_MAX);
        json::put_text(&mut self.items, index.unwrap_or(INDEX));
        let tail = format!(",\"status\":{status}{error}}}}}");
        self.items.extend_from_slice(tail.as_bytes());
    }
}

#[derive(Debug)]
struct Action<'a> {
    word: &'static str,
    index: Option<Cow<'a, str>>,
}

impl<'a> Action<'a> {
    /// The action of a line, if it is one.
    fn of(line: &'a [u8], index: Option<&'a str>) -> Option<Self> {
        let line = line.trim_ascii();
        if !json::is_object(line) {
            return None;
        }
        let (key, value) = json::members(line).next()?;
        let words = ["index", "create", "update", "delete"];
        let word = words.into_iter().find(|word| word.as_bytes() == key)?;
        if !value.starts_with(b"{") {
            return None;
        }
        let named = json::get_text(value, "_index");
        Some(Self {
            word,
            index: named.or(index.map(Cow::Borrowed)),
        })
    }
}

/// Reads a body. A line that is no action is a record as it stands.
pub(super) fn read(body: &[u8], sorter: &mut Sorter, index: Option<&str>) -> Result<Items, Refusal> {
    let mut items = Items::default();
    let mut lines = lines(body);
    while let Some(line) = lines.next() {
        let Some(action) = Action::of(line, index) else {
            let index = index.map(Cow::Borrowed);
            push(sorter, index.as_deref(), line)?;
            items.taken(&Action { word: "index", index });
            continue;
        };
        match action.word {
            "index" | "create" => {
                push(sorter, action.index.as_deref(), lines.next().unwrap_or(line))?;
                items.taken(&action);
            }
            word => {
                if word == "update" {
                    lines.next();
                }
                sorter.decline();
                items.declined(&action);
            }
        }
    }
    Ok(items)
}

fn push(sorter: &mut Sorter, index: Option<&str>, document: &[u8]) -> Result<(), Refusal> {
    let dataset = dataset(document.trim_ascii());
    let hint = Hint {
        inside: dataset.as_deref(),
        declared: index.map(of_data_stream),
    };
    sorter.push(hint, document)
}

/// What a Beat says the document is.
fn dataset(document: &[u8]) -> Option<Cow<'_, str>> {
    match json::get(document, "event") {
        Some(event) => json::get_text(event, "dataset"),
        None => json::get_text(document, "event.dataset"),
    }
}

/// A data stream is named `type-dataset-namespace`.
fn of_data_stream(index: &str) -> &str {
    let mut parts = index.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("logs"), Some(dataset), Some(_), None) => dataset,
        _ => index,
    }
}
