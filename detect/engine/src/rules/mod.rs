//! From rule folders to detectors.

mod build;
mod correlate;
mod logsource;
mod registry;

use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_model::{EventBatch, Projection, RuleInfo};
pub use sekisho_sigma::{Problem, ProblemKind};

pub use logsource::Scope;

use crate::detector::Detector;
use crate::explain::RuleExplanation;
use crate::native::Surroundings;
use crate::sigma_match::SigmaDetector;

/// The files of a rule.
#[derive(Clone, Debug, Default)]
pub struct RuleFolder {
    /// Where the rule is, for messages.
    pub path: String,
    /// The text of `rule.yml`.
    pub rule: String,
    /// The text of `response.md`.
    pub response_en: Option<String>,
    /// The text of `response.ja.md`.
    pub response_ja: Option<String>,
}

/// What there is to list of a rule.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    /// What a message needs to know of it.
    pub info: Arc<RuleInfo>,
    /// Where it is.
    pub path: String,
    /// The parser ids it is about; `None` means every source.
    pub sources: Option<Vec<String>>,
    /// Whether it speaks for itself, or only through correlations.
    pub alerts: bool,
}

/// Rules ready to run, and the problems of those that are not.
#[derive(Debug)]
pub struct RuleSet {
    /// The zone in which a day begins and ends.
    pub(crate) zone: TimeZone,
    rules: Vec<CompiledRule>,
    problems: Vec<Problem>,
    projection: Projection,
    pub(crate) sigma: SigmaDetector,
    pub(crate) natives: Vec<Box<dyn Detector>>,
}

impl RuleSet {
    /// No rules.
    fn empty(zone: TimeZone) -> Self {
        Self {
            zone,
            rules: Vec::new(),
            problems: Vec::new(),
            projection: Projection::default(),
            sigma: SigmaDetector::default(),
            natives: Vec::new(),
        }
    }

    /// Compiles what can be compiled. `known_sources` are the parser ids whose records may arrive.
    pub fn compile(folders: &[RuleFolder], known_sources: &[&str], surroundings: &Surroundings) -> Self {
        build::compile(folders, known_sources, surroundings)
    }

    /// The rules that run.
    pub fn rules(&self) -> &[CompiledRule] {
        &self.rules
    }

    /// What is wrong with those that do not, and with parts of those that do.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// For a row, what each rule about single events asks of it and what it finds. The batch must have
    /// been decoded with the [`projection`](Self::projection) of these rules.
    pub fn explain(&self, batch: &EventBatch, row: usize) -> Vec<RuleExplanation> {
        self.sigma.explain(batch, row)
    }

    /// The native paths that the rules read.
    pub fn projection(&self) -> Projection {
        self.projection.clone()
    }
}
