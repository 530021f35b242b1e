//! Decoding, enriching and judging, put together.

use std::sync::Arc;

use sekisho_detect::{Engine, RuleExplanation};
use sekisho_enrich::Enricher;
use sekisho_formats::{Decoder, Dedupe, Output};
use sekisho_model::batch::BATCH_ROWS_MAX;
use sekisho_model::{EventBatch, Findings, Origin, Raw, Snapshot};
use sekisho_pipeline::{BoxError, Frame, FrameBody, Judge, Judged, Records};

use crate::context::{ContextError, Generation, Loaded};
use crate::settings::Settings;
use crate::tally::{Tallied, Tally, count};

/// The part of a snapshot that names the context the state was made with.
const CONTEXT_PART: &str = "context";

/// Judges frames with the context that was in force when they came.
#[derive(Debug)]
pub(crate) struct LogJudge {
    settings: Settings,
    generation: Generation,
    decoder: Decoder,
    dedupe: Dedupe,
    enricher: Enricher,
    engine: Engine,
    /// What this turn counted, and where it is added.
    turn: Tallied,
    tally: Arc<Tally>,
}

impl LogJudge {
    /// A judge whose state is empty.
    pub(crate) fn new(
        settings: Settings,
        generation: Generation,
        loaded: Loaded,
        year: sekisho_formats::YearPolicy,
    ) -> Self {
        let formats = sekisho_formats::Settings {
            zone: settings.zone.clone(),
            zones: settings
                .sources
                .iter()
                .filter_map(|source| Some((source.id.clone(), source.zone.clone()?)))
                .collect(),
            year,
            trusted_proxies: settings.trusted_proxies.clone(),
            maps: loaded.maps,
        };
        let engine = Engine::new(loaded.rules).with_feedback(loaded.feedback);
        let decoder = Decoder::new(formats, engine.projection().clone());
        Self {
            settings,
            generation,
            decoder,
            dedupe: Dedupe::default(),
            enricher: loaded.enricher,
            engine,
            turn: Tallied::default(),
            tally: Arc::default(),
        }
    }

    /// Counts here what it does.
    #[must_use]
    pub(crate) fn counting(mut self, tally: Arc<Tally>) -> Self {
        tally.engine(&self.engine);
        self.tally = tally;
        self
    }

    /// The context generation that a snapshot was made with.
    pub(crate) fn generation_of(snapshot: &Snapshot) -> Option<Generation> {
        match snapshot.part(CONTEXT_PART) {
            [(generation, _)] => Some(Generation::named(generation)),
            _ => None,
        }
    }

    /// The context it judges by.
    pub(crate) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Goes on from a snapshot.
    pub(crate) fn restore(&mut self, from: &Snapshot) {
        self.decoder.restore(from);
        self.dedupe.restore(from);
        self.engine.restore(from);
    }

    /// An empty output for [`decode`](Self::decode).
    pub(crate) fn output(&self) -> Output {
        self.decoder.output()
    }

    /// Decodes one record.
    pub(crate) fn decode(&mut self, raw: &Raw<'_>, out: &mut Output) {
        self.decoder.decode(raw, out);
    }

    /// Gives out what still waits for other lines.
    pub(crate) fn flush(&mut self, out: &mut Output) {
        self.decoder.flush(out);
    }

    /// Drops repetitions and adds what follows from other columns.
    pub(crate) fn enrich(&mut self, batch: EventBatch) -> EventBatch {
        let (batch, duplicates) = self.dedupe.retain(batch);
        self.turn.duplicates += duplicates;
        self.enricher.enrich(batch)
    }

    /// Adds what follows from other columns, repetitions included.
    pub(crate) fn place(&self, batch: EventBatch) -> EventBatch {
        self.enricher.enrich(batch)
    }

    /// For a row, what each rule about single events asks of it and what it finds.
    pub(crate) fn explain(&self, batch: &EventBatch, row: usize) -> Vec<RuleExplanation> {
        self.engine.explain(batch, row)
    }

    /// Judges an enriched batch.
    pub(crate) fn detect(&mut self, batch: &EventBatch) -> Findings {
        let mut findings = self.engine.judge(batch);
        merge(&mut findings, self.engine.forget());
        findings
    }

    /// No more records will come: decides whatever is still open.
    pub(crate) fn finish(&mut self) -> Findings {
        self.engine.finish()
    }

    /// A second went by: lines that waited for others are given out and judged, then what depends on
    /// something not having happened.
    fn tick(&mut self, frame: &Frame, out: &mut Output, judged: &mut Judged) {
        self.decoder.tick(frame.observed, frame.first, out);
        self.close(out, judged);
        merge(&mut judged.findings, self.engine.tick(frame.observed));
    }

    fn records(&mut self, frame: &Frame, records: &Records, out: &mut Output, judged: &mut Judged) {
        let origin = self.origin(&records.origin);
        let mut offset = frame.first;
        for bytes in &records.records {
            let raw = Raw {
                origin: &origin,
                offset,
                observed: frame.observed,
                bytes,
            };
            self.decoder.decode(&raw, out);
            offset = offset.saturating_add(1);
            if out.rows.len() >= BATCH_ROWS_MAX {
                self.close(out, judged);
            }
        }
    }

    /// The origin, marked as old records where the settings say so.
    fn origin(&self, origin: &Origin) -> Origin {
        let backfill = self
            .settings
            .sources
            .iter()
            .any(|source| source.backfill && *source.id == *origin.source);
        Origin {
            backfill: origin.backfill || backfill,
            ..origin.clone()
        }
    }

    fn close(&mut self, out: &mut Output, judged: &mut Judged) {
        self.turn.count_rejects(&out.rejects);
        judged.rejects.append(&mut out.rejects);
        if out.rows.is_empty() {
            return;
        }
        self.turn.decoded += count(out.rows.len());
        let batch = self.enrich(out.rows.finish());
        if !batch.is_empty() {
            self.turn.count_rows(&batch);
            merge(&mut judged.findings, self.detect(&batch));
            judged.events.push(batch);
        }
    }

    /// Judges by other rules and lists from here on; where they cannot be read, those in force stay.
    fn activate(&mut self, name: &str) {
        match self.take_over(name) {
            Ok(()) => tracing::info!(generation = name, "took over new rules and lists"),
            Err(error) => tracing::error!(%error, "kept the rules and lists that were in force"),
        }
    }

    fn take_over(&mut self, name: &str) -> Result<(), ContextError> {
        let generation = Generation::named(name);
        let loaded = Loaded::read(&generation, &self.settings)?;
        let snapshot = self.save()?;
        let (tally, turn) = (Arc::clone(&self.tally), std::mem::take(&mut self.turn));
        *self = Self::new(
            self.settings.clone(),
            generation,
            loaded,
            sekisho_formats::YearPolicy::Nearest,
        )
        .counting(tally);
        self.turn = turn;
        self.restore(&snapshot);
        Ok(())
    }

    fn save(&self) -> Result<Snapshot, serde_json::Error> {
        let mut snapshot = self.decoder.snapshot()?;
        snapshot.merge(self.dedupe.snapshot()?);
        snapshot.merge(self.engine.snapshot()?);
        snapshot.put(CONTEXT_PART, self.generation.name(), &())?;
        Ok(snapshot)
    }
}

impl Judge for LogJudge {
    fn judge(&mut self, frames: &[Frame]) -> Judged {
        let mut judged = Judged::default();
        let mut out = self.decoder.output();
        for frame in frames {
            match &frame.body {
                FrameBody::Records(records) => self.records(frame, records, &mut out, &mut judged),
                FrameBody::Tick => self.tick(frame, &mut out, &mut judged),
                FrameBody::Context(name) => {
                    self.activate(name);
                    out = self.decoder.output();
                }
            }
            self.turn.records += frame.records();
            // What is judged together decides which event opens an incident, and so its id. After a
            // crash the same frames are read in other groups; apart, they give the same ids again.
            self.close(&mut out, &mut judged);
        }
        put_together(&mut judged.events);
        self.tally.add(&mut self.turn);
        self.tally.engine(&self.engine);
        judged
    }

    fn snapshot(&self) -> Result<Snapshot, BoxError> {
        Ok(self.save()?)
    }
}

/// Makes one batch of those of many small frames: a batch of one row takes as much memory as one of a
/// hundred.
fn put_together(events: &mut Vec<EventBatch>) {
    if events.len() < 2 {
        return;
    }
    match EventBatch::concat(events) {
        Ok(batch) => *events = vec![batch],
        Err(error) => tracing::debug!(%error, "the batches stay apart"),
    }
}

/// Puts later findings behind earlier ones.
pub(crate) fn merge(into: &mut Findings, later: Findings) {
    into.alerts.extend(later.alerts);
    into.incidents.extend(later.incidents);
    into.announcements.extend(later.announcements);
}
