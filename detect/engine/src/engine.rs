//! The compiled rules, their detectors and the casebook.

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_model::{Detection, EventBatch, Findings, Projection, Snapshot};

use crate::Casebook;
use crate::correlation::Dropped;
use crate::detector::Detector;
use crate::rules::{CompiledRule, Problem, RuleSet};
use crate::watermark::Watermarks;

/// Judges batches.
#[derive(Debug)]
pub struct Engine {
    rules: RuleSet,
    casebook: Casebook,
    projection: Projection,
    watermarks: Watermarks,
}

impl Engine {
    /// An engine of these rules.
    pub fn new(rules: RuleSet) -> Self {
        let projection = rules.projection();
        Self {
            rules,
            casebook: Casebook::default(),
            projection,
            watermarks: Watermarks::default(),
        }
    }

    /// The native paths that the rules read.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// The rules that run.
    pub fn rules(&self) -> &[CompiledRule] {
        self.rules.rules()
    }

    /// What is wrong with the rules that do not.
    pub fn problems(&self) -> &[Problem] {
        self.rules.problems()
    }

    /// What correlations dropped at a bound, by rule id, where anything was.
    pub fn dropped(&self) -> BTreeMap<Arc<str>, Dropped> {
        self.rules.sigma.dropped()
    }

    /// Judges an enriched batch.
    pub fn judge(&mut self, batch: &EventBatch) -> Findings {
        let found = self.detect(batch);
        self.casebook.add(found)
    }

    /// Judges an enriched batch, up to the detections.
    pub fn detect(&mut self, batch: &EventBatch) -> Vec<Detection> {
        let mut found = Vec::new();
        for detector in self.detectors_mut() {
            detector.observe(batch, &mut found);
        }
        self.watermarks.advance(batch);
        found
    }

    fn detectors_mut(&mut self) -> impl Iterator<Item = &mut dyn Detector> {
        let sigma: &mut dyn Detector = &mut self.rules.sigma;
        std::iter::once(sigma).chain(self.rules.natives.iter_mut().map(|native| {
            let native: &mut dyn Detector = native.as_mut();
            native
        }))
    }

    /// Frees what no row can touch any more.
    pub fn forget(&mut self) {
        let Some(horizon) = self.watermarks.horizon() else {
            return;
        };
        for detector in self.detectors_mut() {
            detector.forget_before(horizon);
        }
        self.casebook.forget_before(horizon);
    }

    /// Saves the state of every detector and the open cases.
    pub fn snapshot(&self) -> Result<Snapshot, serde_json::Error> {
        let mut snapshot = Snapshot::default();
        self.rules.sigma.snapshot(&mut snapshot)?;
        for native in &self.rules.natives {
            native.snapshot(&mut snapshot)?;
        }
        self.casebook.snapshot(&mut snapshot)?;
        snapshot.put("engine", "watermarks", &self.watermarks)?;
        Ok(snapshot)
    }

    /// Goes on from a snapshot.
    pub fn restore(&mut self, from: &Snapshot) {
        for detector in self.detectors_mut() {
            detector.restore(from);
        }
        self.casebook.restore(from);
        if let [(_, watermarks)] = from.part("engine") {
            self.watermarks = serde_json::from_str(watermarks).unwrap_or_default();
        }
    }
}
