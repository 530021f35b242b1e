//! The context, ready to judge by.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sekisho_detect::Feedback;
use sekisho_detect::native::Surroundings;
use sekisho_detect::rules::RuleSet;
use sekisho_enrich::{
    Calendar, CalendarSettings, ContextProblem, Enricher, Geo, HolidayRule, Networks, Notices, People, decode_csv,
};

use sekisho_formats::Map;

use super::bundle::ANSWERS;
use super::{Bundle, Generation, context_lists, own_lists};
use crate::rules;
use crate::settings::Settings;

/// A context that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// A file cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// A file is too large.
    #[error("{}: {bytes} bytes, {bytes_max} at most", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// The content of a file is wrong.
    #[error("{0}")]
    Wrong(String),
    /// The state could not be carried over.
    #[error("the state cannot be saved: {0}")]
    State(#[from] serde_json::Error),
}

/// A context, ready to judge by.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) rules: RuleSet,
    pub(crate) enricher: Enricher,
    /// What the administrator says of the fields of sources.
    pub(crate) maps: Vec<Arc<Map>>,
    /// What people answered to alerts.
    pub(crate) feedback: Feedback,
    /// What is wrong in part: a line of a list, a rule that cannot run.
    pub(crate) problems: Vec<String>,
}

impl Loaded {
    /// Reads a kept generation.
    pub(crate) fn read(generation: &Generation, settings: &Settings) -> Result<Self, ContextError> {
        Self::build(&Bundle::open(&settings.data, generation)?, settings)
    }

    /// Makes a context of the files.
    pub(crate) fn build(bundle: &Bundle, settings: &Settings) -> Result<Self, ContextError> {
        let wrong = |error: &dyn std::fmt::Display| ContextError::Wrong(error.to_string());
        let mut problems = Vec::new();
        let databases: Vec<_> = bundle
            .under("geo")
            .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
            .collect();
        let geo = if databases.is_empty() {
            None
        } else {
            Some(Geo::from_bytes(databases).map_err(|error| wrong(&error))?)
        };
        let people = list(bundle, "people.csv", People::parse, &mut problems)?;
        let networks = list(bundle, "networks.csv", Networks::parse, &mut problems)?;
        let notices = list(bundle, "notices.csv", Notices::parse, &mut problems)?;
        let calendar = calendar(settings)?;

        let mut own = BTreeMap::new();
        for (name, bytes) in bundle.under("rules") {
            rules::add(&mut own, name, bytes);
        }
        let sources: Vec<&str> = sekisho_formats::FORMATS.iter().map(|spec| spec.id).collect();
        let mut surroundings = surroundings(settings);
        surroundings.lists = context_lists(&people, &networks);
        surroundings.lists.extend(own_lists(bundle.under("rules")));
        let rules = RuleSet::compile(&rules::folders(own), &sources, &surroundings);
        problems.extend(rules.problems().iter().map(ToString::to_string));
        Ok(Self {
            rules,
            enricher: Enricher::new(geo, networks, people, calendar).with_notices(notices),
            maps: maps(bundle)?,
            feedback: answers(bundle)?,
            problems,
        })
    }
}

fn answers(bundle: &Bundle) -> Result<Feedback, ContextError> {
    let Some(bytes) = bundle.bytes(ANSWERS) else {
        return Ok(Feedback::default());
    };
    serde_json::from_slice(bytes).map_err(|error| ContextError::Wrong(format!("{ANSWERS}: {error}")))
}

fn maps(bundle: &Bundle) -> Result<Vec<Arc<Map>>, ContextError> {
    let read = |(name, bytes): (&str, &[u8])| {
        let wrong = |error: &dyn std::fmt::Display| ContextError::Wrong(format!("maps/{name}: {error}"));
        let text = std::str::from_utf8(bytes).map_err(|error| wrong(&error))?;
        Map::parse(text).map(Arc::new).map_err(|error| wrong(&error))
    };
    bundle.under("maps").map(read).collect()
}

type Parsed<T> = Result<(T, Vec<ContextProblem>), sekisho_enrich::ContextError>;

/// Reads a list, which may be missing.
fn list<T: Default>(
    bundle: &Bundle,
    name: &str,
    parse: fn(&str, &str) -> Parsed<T>,
    problems: &mut Vec<String>,
) -> Result<T, ContextError> {
    let Some(bytes) = bundle.bytes(name) else {
        return Ok(T::default());
    };
    let text = decode_csv(name, bytes).map_err(|error| ContextError::Wrong(error.to_string()))?;
    let (list, wrong) = parse(name, &text).map_err(|error| ContextError::Wrong(error.to_string()))?;
    problems.extend(wrong.iter().map(ToString::to_string));
    Ok(list)
}

/// The calendar of the settings.
pub(crate) fn calendar(settings: &Settings) -> Result<Calendar, ContextError> {
    let written = &settings.calendar;
    Calendar::new(CalendarSettings {
        hours: written.hours.clone(),
        days: written.days.clone(),
        holidays: if written.holidays_are_japanese {
            HolidayRule::Japan
        } else {
            HolidayRule::None
        },
        closed: written.closed.clone(),
        zone: settings.zone.clone(),
    })
    .map_err(|error| ContextError::Wrong(error.to_string()))
}

/// What detectors must know of the place they run in.
pub(crate) fn surroundings(settings: &Settings) -> Surroundings {
    let lateness = sekisho_formats::FORMATS.iter();
    Surroundings {
        lateness: lateness.map(|spec| (spec.id.to_owned(), spec.lateness)).collect(),
        ..Surroundings::of(settings.zone.clone())
    }
}
