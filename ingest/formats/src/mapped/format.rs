//! A map at work.

use std::borrow::Cow;
use std::sync::Arc;

use sekisho_model::{Column, EventBuilder, Raw, Snapshot};

use super::Map;
use super::file::ShapeFile;
use super::map::Sets;
use super::shape::{cef, cells, key_values};
use super::source::Fields;
use crate::json::{Json, each_record, fill_side};
use crate::pattern::bounded;
use crate::syslog::{self, Frame};
use crate::timestamp::Years;
use crate::{Format, Output, Settings};

/// The most elements of a record that become rows of their own. A sign-in record of Google has one or
/// two, an aggregate of Drive some hundred.
const ELEMENTS_MAX: usize = 1024;
/// The same, where rows are counted.
const ELEMENTS_MAX_U32: u32 = 1024;

/// Reads records by a map.
#[derive(Debug)]
pub(crate) struct Mapped {
    map: Arc<Map>,
    years: Years,
}

impl Mapped {
    pub(crate) fn new(map: Arc<Map>) -> Self {
        Self {
            map,
            years: Years::default(),
        }
    }

    fn years_part(&self) -> String {
        format!("{}.years", self.map.id)
    }

    /// A line of text, with a syslog header or without.
    fn decode_line(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let text = syslog::text(raw.bytes);
        let map = Arc::clone(&self.map);
        let (frame, message) = header_and_message(&map, &text);
        let found = line_fields(&map, &text, message);
        if found.members.is_empty() {
            return out.reject(raw, &map.id, expected(&map));
        }
        out.rows.begin(raw, &map.id, 0);
        if let Some(frame) = &frame {
            out.rows.text_opt(Column::DstHost, frame.host);
            if let Some(time) = frame.time(&mut self.years, raw, settings) {
                out.rows.time(Column::Time, time);
            }
        }
        let json = Json::Object(found.members);
        let header = header_fields(frame.as_ref());
        let roots = [&json, &header];
        let fields = Fields {
            roots: roots.to_vec(),
            header: frame.and_then(|frame| frame.clock()),
        };
        let set = found.set.map_or(&[][..], Vec::as_slice);
        map.write(&mut out.rows, settings, &fields, set);
        fill_side(&mut out.rows, &roots);
        out.rows.verbatim(Column::Native, &json.to_string());
        out.rows.end();
    }
}

impl Format for Mapped {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        // Shippers write lines as JSON, and some sources do either.
        let is_json = matches!(raw.bytes.trim_ascii_start().first(), Some(b'{'));
        if self.map.record.shape != ShapeFile::Json && !is_json {
            return self.decode_line(raw, settings, out);
        }
        let map = Arc::clone(&self.map);
        let reader = Reader { map: &map, settings };
        each_record(raw, &map.id, &map.wrapped_in, out, |raw, json, index, out| {
            reader.read(raw, json, index, &mut out.rows)
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.years.snapshot(&self.years_part(), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        let part = self.years_part();
        self.years.restore(&part, from);
    }
}

/// The header of a line and its message.
fn header_and_message<'a>(map: &Map, text: &'a str) -> (Option<Frame<'a>>, &'a str) {
    let start = map.starts.as_ref().and_then(|starts| starts.find(bounded(text)));
    if let Some((head, message)) = start.and_then(|start| text.split_at_checked(start.start())) {
        return (Frame::head(head), bounded(message));
    }
    let frame = Frame::parse(text);
    (
        frame,
        frame.as_ref().map_or_else(|| bounded(text), |frame| frame.message),
    )
}

/// What maps may ask of the header: `header.host`, `header.program`, and `header.time` if it names its
/// zone.
fn header_fields(frame: Option<&Frame<'_>>) -> Json<'static> {
    let Some(frame) = frame else {
        return Json::Object(Vec::new());
    };
    let fields = [
        ("host", frame.host.map(str::to_owned)),
        ("program", frame.program.map(str::to_owned)),
        ("time", frame.zoned().map(|time| time.to_string())),
    ];
    let members = fields
        .into_iter()
        .filter_map(|(name, value)| Some((Cow::Borrowed(name), Json::Text(Cow::Owned(value?)))))
        .collect();
    Json::Object(vec![(Cow::Borrowed("header"), Json::Object(members))])
}

/// What follows the header of syslog, if there is one.
fn message_of(line: &str) -> &str {
    Frame::parse(line).map_or_else(|| bounded(line), |frame| frame.message)
}

/// What was found in a line.
struct Found<'a, 'm> {
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    /// What the pattern sets that matched.
    set: Option<&'m Sets>,
}

fn line_fields<'a, 'm>(map: &'m Map, text: &'a str, message: &'a str) -> Found<'a, 'm> {
    match map.record.shape {
        // Firewalls write lines that look like a header of syslog and are none.
        ShapeFile::KeyValue => key_value_fields(map, text),
        ShapeFile::Table | ShapeFile::Csv => table_and_pattern_fields(map, message),
        ShapeFile::Text | ShapeFile::Json => pattern_fields(map, message),
    }
}

/// The pairs of a line, and the groups of the first pattern that matches what stands around them.
fn key_value_fields<'a, 'm>(map: &'m Map, text: &'a str) -> Found<'a, 'm> {
    let mut members = cef(text).unwrap_or_else(|| key_values(text));
    map.aliases.apply(&mut members);
    if members.is_empty() || map.patterns.each.is_empty() {
        return Found { members, set: None };
    }
    let found = pattern_fields(map, bounded(text));
    members.extend(found.members.into_iter().filter(|(name, _)| name != "message"));
    Found {
        members,
        set: found.set,
    }
}

fn table_fields<'a>(map: &Map, message: &str) -> Vec<(Cow<'a, str>, Json<'a>)> {
    let cells = cells(message, map.record.delimiter.unwrap_or(','));
    if cells.len() < 2 {
        return Vec::new();
    }
    let layouts = map.record.layout.iter();
    let layout = layouts
        .into_iter()
        .find(|layout| cells.get(layout.cell).is_some_and(|cell| *cell == layout.is));
    layout
        .map_or(&map.record.headers, |layout| &layout.headers)
        .iter()
        .zip(cells)
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(name, cell)| (Cow::Owned(name.clone()), Json::Text(Cow::Owned(cell))))
        .collect()
}

/// The cells of a row, and the groups of the first pattern that matches it: of words in a cell.
fn table_and_pattern_fields<'a, 'm>(map: &'m Map, message: &'a str) -> Found<'a, 'm> {
    let mut members = table_fields(map, message);
    let mut set = None;
    if !members.is_empty() {
        set = add_groups(map, message, &mut members);
    }
    Found { members, set }
}

/// The groups of the first pattern that matches. A message that none matches is a field itself.
fn pattern_fields<'a, 'm>(map: &'m Map, message: &'a str) -> Found<'a, 'm> {
    let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
    let set = add_groups(map, message, &mut members);
    members.push((Cow::Borrowed("message"), Json::Text(Cow::Borrowed(message))));
    Found { members, set }
}

/// Adds the groups of the first pattern that matches, and tells what that pattern sets.
fn add_groups<'a, 'm>(map: &'m Map, message: &'a str, members: &mut Vec<(Cow<'a, str>, Json<'a>)>) -> Option<&'m Sets> {
    let first = map.patterns.any.matches(message).iter().next()?;
    let pattern = map.patterns.each.get(first)?;
    let captures = pattern.regex.captures(message)?;
    for name in pattern.regex.capture_names().flatten() {
        if let Some(group) = captures.name(name) {
            members.push((Cow::Owned(name.to_owned()), Json::Text(Cow::Borrowed(group.as_str()))));
        }
    }
    Some(&pattern.set)
}

fn expected(map: &Map) -> &'static str {
    match map.record.shape {
        ShapeFile::KeyValue => "expected `key=value` pairs",
        ShapeFile::Table | ShapeFile::Csv => "expected cells between delimiters",
        ShapeFile::Text => "expected a line of text",
        ShapeFile::Json => "expected a JSON object",
    }
}

/// Makes rows of objects.
struct Reader<'m> {
    map: &'m Map,
    settings: &'m Settings,
}

impl Reader<'_> {
    fn read(&self, raw: &Raw<'_>, json: &Json<'_>, index: u32, rows: &mut EventBuilder) -> Result<(), String> {
        let map = self.map;
        if !matches!(json, Json::Object(_)) {
            return Err("expected a JSON object, found another value".to_owned());
        }
        let line = json.text_at(&map.record.line);
        let line = line
            .as_deref()
            .filter(|_| map.record.shape != ShapeFile::Json)
            .map(|line| line_fields(map, line, message_of(line)));
        let (set, line) = line.map_or((None, None), |found| (found.set, Some(Json::Object(found.members))));
        let inside = map.inside.iter().find_map(|key| deep_part(json, key));
        let mut roots: Vec<&Json<'_>> = line.iter().chain(inside.as_deref()).collect();
        let renamed = map.aliases.renamed(json);
        roots.extend(renamed.as_ref());
        roots.push(json);
        let elements = elements(map, &roots);
        if elements.is_empty() {
            rows.begin(raw, &map.id, index);
            write_row(map, rows, self.settings, &roots, set);
            rows.end();
            return Ok(());
        }
        if elements.len() > ELEMENTS_MAX {
            let found = elements.len();
            return Err(format!(
                "{found} elements in one record, expected at most {ELEMENTS_MAX}"
            ));
        }
        for (element, place) in elements.iter().zip(0_u32..) {
            let mut with_element = vec![element];
            with_element.extend(&roots);
            // Rows of one record are told apart by their place; records that came together, by theirs.
            rows.begin(
                raw,
                &map.id,
                index.saturating_mul(ELEMENTS_MAX_U32).saturating_add(place),
            );
            write_row(map, rows, self.settings, &with_element, set);
            rows.number_native_id(place);
            rows.end();
        }
        Ok(())
    }
}

/// The object at a path of keys; exports write one as a string of JSON.
fn deep_part<'j>(json: &'j Json<'j>, path: &str) -> Option<Cow<'j, Json<'j>>> {
    let part = match path.split_once('.') {
        None => json.part(path),
        Some((key, rest)) => match json.part(key)? {
            Cow::Borrowed(part) => deep_part(part, rest),
            Cow::Owned(_) => None,
        },
    };
    part.filter(|part| matches!(**part, Json::Object(_)))
}

/// The elements that become rows of their own.
fn elements<'j>(map: &Map, roots: &[&'j Json<'j>]) -> &'j [Json<'j>] {
    let lists = map
        .each
        .iter()
        .flat_map(|path| roots.iter().map(|root| list_at(root, path)));
    lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
}

/// The objects of the list at a path of keys.
fn list_at<'j>(json: &'j Json<'j>, path: &str) -> &'j [Json<'j>] {
    let end = path.split('.').try_fold(json, |json, key| json.get(key));
    let list = end.map(Json::elements).unwrap_or_default();
    if list.iter().all(|element| matches!(element, Json::Object(_))) {
        list
    } else {
        &[]
    }
}

pub(super) fn write_row(
    map: &Map,
    rows: &mut EventBuilder,
    settings: &Settings,
    roots: &[&Json<'_>],
    set: Option<&Sets>,
) {
    let mut fields = Fields {
        roots: roots.to_vec(),
        header: None,
    };
    let (groups, matched) = map.match_fields(&fields);
    fields.roots.push(&groups);
    map.write(rows, settings, &fields, set.or(matched).map_or(&[], Vec::as_slice));
    fill_side(rows, roots);
}
