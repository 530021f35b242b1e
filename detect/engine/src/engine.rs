//! The profiles, the compiled rules, their detectors and the casebook.

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_model::{Detection, EventBatch, Findings, Projection, Snapshot, Time};

use crate::Casebook;
use crate::correlation::Dropped;
use crate::detector::Detector;
use crate::explain::RuleExplanation;
use crate::feedback::Feedback;
use crate::pool;
use crate::profile::Profiles;
use crate::rules::{CompiledRule, Problem, RuleSet};
use crate::watermark::Watermarks;

/// Judges batches.
#[derive(Debug)]
pub struct Engine {
    rules: RuleSet,
    profiles: Profiles,
    casebook: Casebook,
    projection: Projection,
    watermarks: Watermarks,
    feedback: Feedback,
}

impl Engine {
    /// An engine of these rules.
    pub fn new(rules: RuleSet) -> Self {
        let projection = rules.projection();
        Self {
            profiles: Profiles::new(rules.zone.clone()),
            rules,
            casebook: Casebook::default(),
            projection,
            watermarks: Watermarks::default(),
            feedback: Feedback::default(),
        }
    }

    /// The same, with what people answered.
    #[must_use]
    pub fn with_feedback(mut self, feedback: Feedback) -> Self {
        self.feedback = feedback;
        self
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

    /// For a row, what each rule about single events asks of it and what it finds: why it fires, or why
    /// it does not.
    pub fn explain(&self, batch: &EventBatch, row: usize) -> Vec<RuleExplanation> {
        self.rules.explain(batch, row)
    }

    /// What correlations dropped at a bound, by rule id, where anything was.
    pub fn dropped(&self) -> BTreeMap<Arc<str>, Dropped> {
        self.rules.sigma.dropped()
    }

    /// Judges an enriched batch.
    pub fn judge(&mut self, batch: &EventBatch) -> Findings {
        let found = self.detect(batch);
        self.casebook.add(self.feedback.apply(found))
    }

    /// Judges an enriched batch, up to the detections.
    pub fn detect(&mut self, batch: &EventBatch) -> Vec<Detection> {
        let batch = &self.profiles.judge(batch);
        let mut found = Vec::new();
        for detector in self.detectors_mut() {
            detector.observe(batch, &mut found);
        }
        self.watermarks.advance(batch);
        found
    }

    /// A second went by, at the end of which it is `now`: finds what depends on something not having
    /// happened. Old records that are still coming are waited for.
    pub fn tick(&mut self, now: Time) -> Findings {
        let found = self.decide(self.watermarks.waited_for(now));
        self.tell(found)
    }

    /// No more records will come: decides whatever is still open.
    pub fn finish(&mut self) -> Findings {
        let found = self.decide(Time(i64::MAX));
        self.tell(found)
    }

    /// Whatever was observed before `now` was shown; up to the detections.
    pub fn decide(&mut self, now: Time) -> Vec<Detection> {
        let mut found = Vec::new();
        for detector in self.detectors_mut() {
            detector.tick(now, &mut found);
        }
        found
    }

    /// No row will come from so long ago that it is forgotten next; up to the detections.
    pub fn decide_old(&mut self) -> Vec<Detection> {
        let horizon = self.watermarks.horizon();
        horizon.map_or_else(Vec::new, |horizon| self.decide(horizon))
    }

    fn tell(&mut self, found: Vec<Detection>) -> Findings {
        if found.is_empty() {
            return Findings::default();
        }
        self.casebook.add(self.feedback.apply(found))
    }

    fn detectors_mut(&mut self) -> impl Iterator<Item = &mut dyn Detector> {
        let sigma: &mut dyn Detector = &mut self.rules.sigma;
        std::iter::once(sigma).chain(self.rules.natives.iter_mut().map(|native| {
            let native: &mut dyn Detector = native.as_mut();
            native
        }))
    }

    /// Frees what no row can touch any more, after what is open there was decided.
    pub fn forget(&mut self) -> Findings {
        let Some(horizon) = self.watermarks.horizon() else {
            return Findings::default();
        };
        let found = self.decide(horizon);
        let findings = self.tell(found);
        self.profiles.forget_before(horizon);
        for detector in self.detectors_mut() {
            detector.forget_before(horizon);
        }
        self.casebook.forget_before(horizon);
        findings
    }

    /// Saves the state of every detector and the open cases.
    pub fn snapshot(&self) -> Result<Snapshot, serde_json::Error> {
        let mut snapshot = Snapshot::default();
        pool::saved(&mut snapshot, |snapshot| {
            self.profiles.snapshot(snapshot)?;
            self.rules.sigma.snapshot(snapshot)?;
            for native in &self.rules.natives {
                native.snapshot(snapshot)?;
            }
            self.casebook.snapshot(snapshot)
        })?;
        snapshot.put("engine", "watermarks", &self.watermarks)?;
        Ok(snapshot)
    }

    /// Goes on from a snapshot.
    pub fn restore(&mut self, from: &Snapshot) {
        self.profiles.restore(from);
        pool::restored(from, || {
            for detector in self.detectors_mut() {
                detector.restore(from);
            }
        });
        self.casebook.restore(from);
        if let [(_, watermarks)] = from.part("engine") {
            self.watermarks = serde_json::from_str(watermarks).unwrap_or_default();
        }
    }
}
