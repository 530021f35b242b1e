//! A map, checked and ready.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::{Regex, RegexSet};
use sekisho_model::{Column, EventBuilder};

use super::MapError;
use super::aliases::Aliases;
use super::column::{self, Clock, Target};
use super::condition::{Condition, Glob};
use super::file::{self, MapFile, OneOrMany, RecordFile, Scalar, ShapeFile, ZoneFile};
use super::path::Path;
use super::source::{Fields, Source};
use super::words::Words;
use crate::json::Json;
use crate::pattern::bounded;
use crate::web_combined::client;
use crate::{Settings, address};

/// A format that is data.
#[derive(Clone, Debug)]
pub struct Map {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) transports: String,
    pub(crate) lateness: Duration,
    pub(crate) prepare: String,
    pub(super) record: RecordFile,
    zone: Option<TimeZone>,
    pub(super) aliases: Aliases,
    pub(super) cut: Vec<Glob>,
    peer: Vec<Path>,
    forwarded: Vec<Path>,
    pub(super) inside: Vec<String>,
    pub(super) each: Vec<String>,
    pub(super) wrapped_in: Vec<String>,
    pub(super) patterns: Patterns,
    pub(super) starts: Option<Regex>,
    rules: Vec<Rule>,
    columns: Vec<(Target, Vec<Source>)>,
    words: BTreeMap<Target, Words>,
}

/// Patterns over messages; the first that matches counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    pub(super) any: RegexSet,
    pub(super) each: Vec<Pattern>,
}

#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// The field that it is matched with; none is the message.
    of: Option<Path>,
    pub(super) regex: Regex,
    pub(super) set: Sets,
}

pub(super) type Sets = Vec<(Target, Source)>;

#[derive(Clone, Debug)]
struct Rule {
    when: Condition,
    set: Sets,
}

impl Map {
    /// Reads and checks the text of an administrator's own map.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let map = Self::read(text)?;
        // A map that no source would ask must not look as if it were in force.
        match map.record.shape {
            ShapeFile::Json | ShapeFile::Csv => Ok(map),
            ShapeFile::KeyValue | ShapeFile::Text | ShapeFile::Table => {
                let message = "expected `json` or `csv`: lines are read by the sources that come with Sekisho";
                Err(MapError::value("record.shape", message))
            }
        }
    }

    /// Reads and checks the text of a map.
    pub(crate) fn read(text: &str) -> Result<Self, MapError> {
        let file = file::parse(text)?;
        if file.record.shape == ShapeFile::Csv && file.record.keys.is_empty() {
            let message = "expected names of columns, by which a table of this shape is known";
            return Err(MapError::value("record.keys", message));
        }
        let words = words(&file)?;
        let rules = file.rule.iter().zip(1..).map(|(rule, number)| {
            let compiled = || -> Result<Rule, MapError> {
                Ok(Rule {
                    when: Condition::of(&rule.when)?,
                    set: sets(&rule.set)?,
                })
            };
            compiled().map_err(|error| within(&format!("rule {number}"), error))
        });
        let columns = file.columns.iter().map(|(name, sources)| column(name, sources));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
            columns: columns.collect::<Result<_, _>>()?,
            words,
            inside: file.record.inside.0.clone(),
            each: file.record.each.0.clone(),
            wrapped_in: file.record.wrapped_in.0.clone(),
            patterns: patterns(&file)?,
            starts: starts(file.record.starts.as_deref())?,
            zone: zone(&file.record.zone)?,
            aliases: Aliases::of(&file.record),
            peer: paths(&file.record.peer)?,
            forwarded: paths(&file.record.forwarded)?,
            cut: file.record.cut.0.iter().map(|glob| Glob::new(glob)).collect(),
            record: file.record,
            id: file.id,
            title: file.title,
            transports: file.transports,
            lateness: Duration::from_secs(file.lateness_minutes.saturating_mul(60)),
            prepare: file.prepare,
        })
    }

    /// Whether its records are lines of text.
    pub(crate) fn reads_lines(&self) -> bool {
        self.record.shape != ShapeFile::Json
    }

    /// Whether it says of no record that it is its own.
    pub(crate) fn knows_no_record(&self) -> bool {
        self.record.keys.is_empty() && self.record.contains.is_empty()
    }

    /// Sets the columns of the row in hand. `pattern` is what the pattern sets that matched.
    pub(super) fn write(
        &self,
        rows: &mut EventBuilder,
        settings: &Settings,
        fields: &Fields<'_>,
        pattern: &[(Target, Source)],
    ) {
        let mut writer = Writer {
            map: self,
            rows,
            fields,
            clock: Clock {
                formats: &self.record.time_formats,
                zone: self.zone.as_ref().unwrap_or(&settings.zone),
                header: fields.header.as_ref().filter(|_| self.zone.is_none()),
            },
            done: Vec::new(),
        };
        writer.set_all(pattern);
        for rule in &self.rules {
            if rule.when.fits(fields) {
                writer.set_all(&rule.set);
            }
        }
        for (target, sources) in &self.columns {
            writer.set_from(*target, sources);
        }
        self.write_client(rows, settings, fields);
        if rows.current(Column::Action).is_none() && rows.current(Column::ParseStatus) == Some("ok") {
            rows.verbatim(Column::ParseStatus, "unparsed");
        }
    }
}

impl Map {
    /// Sets the address that a request came from.
    fn write_client(&self, rows: &mut EventBuilder, settings: &Settings, fields: &Fields<'_>) {
        let Some(peer) = self.peer.iter().find_map(|path| fields.first(path)) else {
            return;
        };
        let forwarded = self
            .forwarded
            .iter()
            .map(|path| fields.all(path))
            .find(|list| !list.is_empty());
        if let Some(ip) = client::of(&peer, forwarded.as_deref(), &settings.trusted_proxies) {
            address::set_source_ip(rows, ip);
        }
    }

    /// The groups of the patterns that match their fields, and what the first of them sets.
    pub(super) fn match_fields<'j>(&self, fields: &Fields<'_>) -> (Json<'j>, Option<&Sets>) {
        let (mut members, mut set) = (Vec::new(), None);
        for pattern in &self.patterns.each {
            let text = pattern
                .of
                .as_ref()
                .and_then(|path| fields.first(path))
                .unwrap_or_default();
            let Some(captures) = pattern.regex.captures(bounded(&text)).filter(|_| pattern.of.is_some()) else {
                continue;
            };
            let names = pattern.regex.capture_names().flatten();
            let groups = names.filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())));
            members.extend(groups.map(|(name, group)| (Cow::Owned(name), Json::Text(Cow::Owned(group)))));
            set = set.or(Some(&pattern.set));
        }
        (Json::Object(members), set)
    }
}

/// Writes one row.
struct Writer<'w> {
    map: &'w Map,
    rows: &'w mut EventBuilder,
    fields: &'w Fields<'w>,
    clock: Clock<'w>,
    /// What is decided already.
    done: Vec<Target>,
}

impl Writer<'_> {
    fn set_all(&mut self, sets: &[(Target, Source)]) {
        for (target, source) in sets {
            self.set_from(*target, std::slice::from_ref(source));
        }
    }

    fn set_from(&mut self, target: Target, sources: &[Source]) {
        if self.done.contains(&target) {
            return;
        }
        // A rule says with an empty text that there is no value, whatever the column's own paths lead to.
        if matches!(sources, [Source::Text(text)] if text.is_empty()) {
            column::clear(self.rows, target);
            self.done.push(target);
            return;
        }
        let set = if target.joins() {
            self.join(target, sources)
        } else {
            self.first(target, sources)
        };
        if set {
            self.done.push(target);
        }
    }

    fn first(&mut self, target: Target, sources: &[Source]) -> bool {
        let Self {
            map,
            rows,
            fields,
            clock,
            ..
        } = self;
        let words = map.words.get(&target);
        sources.iter().any(|source| {
            source.values(fields, &mut |value| match in_our_words(source, words, value) {
                Some(value) => column::set(rows, target, value, clock),
                None => false,
            })
        })
    }

    fn join(&mut self, target: Target, sources: &[Source]) -> bool {
        let words = self.map.words.get(&target);
        let mut found: Vec<String> = Vec::new();
        for source in sources {
            source.values(self.fields, &mut |value| {
                found.extend(in_our_words(source, words, value).map(str::to_owned));
                false
            });
            if !found.is_empty() {
                break;
            }
        }
        let mut words: Vec<String> = Vec::new();
        for word in found {
            if !EventBuilder::means_nothing(&word) && !words.contains(&word) {
                words.push(word);
            }
        }
        column::set(self.rows, target, &words.join("+"), &self.clock)
    }
}

/// A value of the record in our words, if the column has words; a value that the map writes is ours.
fn in_our_words<'v>(source: &Source, words: Option<&'v Words>, value: &'v str) -> Option<&'v str> {
    match (source, words) {
        (Source::Text(_), _) | (_, None) => Some(value),
        (Source::Path(_) | Source::Template(_), Some(words)) => words.word(value),
    }
}

fn within(place: &str, error: MapError) -> MapError {
    match error {
        MapError::Value { key, message } => MapError::value(format!("{place}: {key}"), message),
        syntax @ MapError::Syntax { .. } => syntax,
    }
}

fn column(name: &str, sources: &OneOrMany) -> Result<(Target, Vec<Source>), MapError> {
    let sources = sources.0.iter().map(|text| Source::of_column(text));
    Ok((Target::by_name(name)?, sources.collect::<Result<_, _>>()?))
}

fn sets(set: &BTreeMap<String, Scalar>) -> Result<Sets, MapError> {
    set.iter()
        .map(|(name, value)| {
            let target = Target::by_name(name)?;
            let source = Source::of_rule(&value.clone().into_text())?;
            match &source {
                Source::Text(word) if !target.takes(word) => Err(MapError::value(
                    name,
                    format!("{word:?} is none of the words of this column"),
                )),
                _ => Ok((target, source)),
            }
        })
        .collect()
}

fn words(file: &MapFile) -> Result<BTreeMap<Target, Words>, MapError> {
    file.words
        .iter()
        .map(|(name, table)| {
            let (target, words) = (Target::by_name(name)?, Words::of(table));
            if let Some(word) = words.ours().find(|word| !target.takes(word)) {
                let message = format!("{word:?} is none of the words of this column");
                return Err(MapError::value(format!("words.{name}"), message));
            }
            Ok((target, words))
        })
        .collect()
}

fn starts(text: Option<&str>) -> Result<Option<Regex>, MapError> {
    text.map(Regex::new)
        .transpose()
        .map_err(|error| MapError::value("record.starts", format!("not a regular expression: {error}")))
}

fn paths(texts: &OneOrMany) -> Result<Vec<Path>, MapError> {
    texts.0.iter().map(|text| Path::parse(text)).collect()
}

/// None is the zone of the settings.
fn zone(zone: &ZoneFile) -> Result<Option<TimeZone>, MapError> {
    match zone {
        ZoneFile::Utc => Ok(Some(TimeZone::UTC)),
        ZoneFile::Local => Ok(None),
        ZoneFile::Named(name) => TimeZone::get(name)
            .map(Some)
            .map_err(|_| MapError::value("record.zone", "expected `utc`, `local` or a name such as `Asia/Tokyo`")),
    }
}

fn patterns(file: &MapFile) -> Result<Patterns, MapError> {
    let wrong = |number: usize, error: &regex::Error| {
        MapError::value(
            format!("pattern {number}"),
            format!("not a regular expression: {error}"),
        )
    };
    let each = file.pattern.iter().zip(1..).map(|(pattern, number)| {
        Ok(Pattern {
            of: pattern.of.as_deref().map(Path::parse).transpose()?,
            regex: Regex::new(&pattern.matches).map_err(|error| wrong(number, &error))?,
            set: sets(&pattern.set).map_err(|error| within(&format!("pattern {number}"), error))?,
        })
    });
    let texts = file.pattern.iter().map(|pattern| &pattern.matches);
    Ok(Patterns {
        each: each.collect::<Result<_, MapError>>()?,
        any: RegexSet::new(texts).map_err(|error| wrong(0, &error))?,
    })
}
