//! The page of metrics, in the text format of Prometheus.
//!
//! # Invariants
//! * A label is a word of the program, of its settings or of its rules, or a topic that the settings name: never a name or
//!   an address from a log.
//! * Nothing on the page is a secret.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use sekisho_model::Time;

use super::{Seen, law};

/// The media type of the format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What begins the names that are ours.
const PREFIX: &str = "sekisho";

/// The page.
pub(super) fn page(seen: Seen) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(seen)));
    prometheus_text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Page(Seen);

/// The labels of a value.
type Labels = Vec<(&'static str, String)>;

/// A value without labels.
fn one<T>(value: T) -> [(Labels, T); 1] {
    [(Vec::new(), value)]
}

struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    /// Counters; `_total` is put behind their name.
    fn counter<T: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, T)>,
    ) -> fmt::Result {
        let name = format!("{PREFIX}_{name}");
        let mut metric = self.0.encode_descriptor(&name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            metric
                .encode_family(&labels)?
                .encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    fn gauge<T: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, T)>,
    ) -> fmt::Result {
        self.plain_gauge(&format!("{PREFIX}_{name}"), help, values)
    }

    /// A gauge whose name is not ours to choose.
    fn plain_gauge<T: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, T)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        let Self(seen) = self;
        process(seen, &mut writer)?;
        doors(seen, &mut writer)?;
        kafka(seen, &mut writer)?;
        spool(seen, &mut writer)?;
        judge(seen, &mut writer)?;
        tables(seen, &mut writer)?;
        outbox(seen, &mut writer)?;
        order(seen, &mut writer)
    }
}

fn process(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    writer.gauge("build_info", "The version that runs", [(version, 1_u64)])?;
    let help = "When the process started";
    writer.plain_gauge("process_start_time_seconds", help, one(seconds(seen.started)))?;
    if let Some(bytes) = seen.memory_bytes {
        writer.plain_gauge("process_resident_memory_bytes", "Memory in use", one(bytes))?;
    }
    if let Some(files) = seen.open_files {
        writer.plain_gauge("process_open_fds", "Open files and sockets", one(files))?;
    }
    if let Some(disk) = seen.disk {
        writer.gauge("disk_free_bytes", "Room on the disk of the data folder", one(disk.free))?;
        writer.gauge(
            "disk_size_bytes",
            "Size of the disk of the data folder",
            one(disk.total),
        )?;
    }
    Ok(())
}

fn doors(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    let (mut received, mut accepted) = (Vec::new(), Vec::new());
    let (mut refused, mut dropped) = (Vec::new(), Vec::new());
    let (mut repeated, mut in_hand) = (Vec::new(), Vec::new());
    for (door, counted) in &seen.doors {
        let label = |name, value: &str| vec![("door", (*door).to_owned()), (name, value.to_owned())];
        for (source, came, durable) in &counted.sources {
            received.push((label("source", source), *came));
            accepted.push((label("source", source), *durable));
        }
        refused.extend(
            counted
                .refused
                .iter()
                .map(|(why, count)| (label("reason", why), *count)),
        );
        dropped.extend(
            counted
                .dropped
                .iter()
                .map(|(why, count)| (label("reason", why), *count)),
        );
        let only = vec![("door", (*door).to_owned())];
        repeated.push((only.clone(), counted.total.repeated));
        in_hand.push((only, counted.total.in_hand()));
    }
    writer.counter("records_received", "Records that came to a door", received)?;
    writer.counter("records_accepted", "Records that are durable in the spool", accepted)?;
    let help = "Records that came again and were durable since the first time";
    writer.counter("records_repeated", help, repeated)?;
    let help = "Records that their sender was told to keep; a request that was refused unread counts as one";
    writer.counter("records_refused", help, refused)?;
    let help = "Records that are lost: they came by a protocol that cannot be told to send again";
    writer.counter("records_dropped", help, dropped)?;
    writer.gauge("records_in_hand", "Records on their way into the spool", in_hand)?;
    if let Some(count) = seen.udp_dropped {
        let help = "Datagrams of syslog that the kernel dropped before they were read";
        writer.counter("udp_kernel_dropped", help, one(count))?;
    }
    let senders = u64::try_from(seen.senders).unwrap_or(u64::MAX);
    writer.gauge(
        "udp_senders_with_losses",
        "Senders of syslog over UDP of which something was lost",
        one(senders),
    )
}

fn kafka(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    if seen.kafka.is_empty() {
        return Ok(());
    }
    let (mut lags, mut messages, mut trouble) = (Vec::new(), Vec::new(), Vec::new());
    for (door, kafka) in (1..).zip(&seen.kafka) {
        let door = |more: &[(&'static str, &str)]| {
            let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
            std::iter::once(("kafka", i32::to_string(&door)))
                .chain(more)
                .collect::<Labels>()
        };
        for lag in &kafka.lags {
            let labels = door(&[("topic", &lag.topic), ("partition", &lag.partition.to_string())]);
            lags.push((labels, lag.messages));
        }
        let kinds = [
            ("repeated", kafka.repeated),
            ("empty", kafka.empty),
            ("oversize", kafka.oversize),
            ("missed", kafka.missed),
        ];
        messages.extend(kinds.map(|(kind, count)| (door(&[("kind", kind)]), count)));
        trouble.push((door(&[]), u64::from(kafka.trouble.is_some())));
    }
    writer.gauge("kafka_lag_messages", "Messages that wait to be taken", lags)?;
    let help =
        "Messages that became no record of their own: repeated, empty, too large, or deleted before they were read";
    writer.counter("kafka_messages", help, messages)?;
    writer.gauge("kafka_trouble", "1 while the brokers cannot be read", trouble)
}

fn spool(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    let spool = &seen.spool;
    writer.counter(
        "spool_records_appended",
        "Records appended to the spool",
        one(spool.appended),
    )?;
    writer.gauge("spool_bytes", "Bytes of disk that the spool takes", one(spool.bytes))?;
    writer.gauge(
        "spool_quota_bytes",
        "Bytes of disk that it may take",
        one(seen.spool_quota),
    )?;
    let waiting = spool.end.saturating_sub(seen.lane.position).max(0);
    writer.gauge(
        "spool_records_waiting",
        "Records and ticks that wait to be judged",
        one(waiting),
    )?;
    let damaged = u64::try_from(spool.damaged).unwrap_or(u64::MAX);
    writer.gauge(
        "spool_damaged_frames",
        "Frames that once were durable and cannot be read",
        one(damaged),
    )?;
    let failed = u64::from(seen.spool_failure.is_some());
    writer.gauge("spool_failed", "1 if the spool takes nothing more", one(failed))
}

fn judge(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    let tally = &seen.tally;
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let (mut newest, mut lag) = (Vec::new(), Vec::new());
    for (source, counted) in &tally.sources {
        let labels = || vec![("source", source.to_string())];
        rows.push((labels(), counted.rows));
        rejected.push((labels(), counted.rejects));
        if let Some(time) = counted.newest {
            newest.push((labels(), seconds(time)));
            lag.push((labels(), seconds(seen.now) - seconds(time)));
        }
    }
    writer.counter(
        "records_judged",
        "Records that were shown to the formats",
        one(tally.records),
    )?;
    writer.counter("rows_judged", "Rows that were judged", rows)?;
    writer.counter("records_rejected", "Records that could not be read", rejected)?;
    let help = "Rows that were there before, by the id that their vendor gave them";
    writer.counter("rows_duplicate", help, one(tally.duplicates))?;
    writer.gauge(
        "newest_event_timestamp_seconds",
        "When the newest event of a source happened",
        newest,
    )?;
    writer.gauge("event_lag_seconds", "How long ago that is", lag)?;
    writer.gauge("rules_running", "Rules that run", one(int(tally.rules)))?;
    writer.gauge(
        "rules_problems",
        "Rules that cannot run",
        one(int(tally.problems.len())),
    )?;
    let dropped = tally.dropped.iter().flat_map(|(rule, (groups, events))| {
        [("group", *groups), ("event", *events)]
            .map(|(kind, count)| (vec![("rule", rule.to_string()), ("kind", kind.to_owned())], count))
    });
    writer.counter("detector_dropped", "What detectors dropped at a bound", dropped)
}

fn tables(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    let lane = &seen.lane;
    writer.counter(
        "records_stored",
        "Rows and rejects that the tables took",
        one(lane.stored),
    )?;
    writer.counter(
        "rows_known",
        "Rows and rejects that the tables had before a crash",
        one(lane.known),
    )?;
    writer.counter(
        "rows_late",
        "Rows that came after the epoch of their offset, and are not stored",
        one(lane.late),
    )?;
    writer.gauge("epoch_rows", "Rows and rejects in the open epoch", one(lane.open))?;
    writer.counter("epochs", "Epochs that were committed", one(lane.epochs))?;
    writer.counter(
        "epoch_commit_seconds",
        "How long committing them took",
        one(fraction(lane.committing)),
    )?;
    writer.gauge(
        "epoch_duration_seconds",
        "How long the last commit took",
        one(fraction(lane.last_commit)),
    )?;
    writer.gauge(
        "lane_running",
        "1 while records are judged",
        one(u64::from(seen.lane_is_running)),
    )
}

fn outbox(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    let Ok(counts) = &seen.outbox else { return Ok(()) };
    let messages = counts.deliveries.iter().map(|(channel, state, count)| {
        (
            vec![("channel", channel.clone()), ("state", state.name().to_owned())],
            *count,
        )
    });
    writer.gauge(
        "outbox_messages",
        "Messages by channel and by what became of them",
        messages,
    )?;
    writer.gauge("incidents", "Incidents", one(counts.incidents))?;
    writer.gauge("alerts", "Alerts", one(counts.alerts))
}

fn order(seen: &Seen, writer: &mut Writer<'_>) -> fmt::Result {
    let steps = law::NAMES.iter().zip(seen.law.told);
    let steps = steps.map(|(step, error)| (vec![("step", (*step).to_owned())], error));
    let help = "Records that one step gave on and the next does not have; anything but 0 is a fault";
    writer.gauge("conservation_error", help, steps)?;
    let holding = seen
        .holding
        .iter()
        .map(|name| (vec![("condition", name.clone())], 1_u64));
    writer.gauge(
        "condition",
        "1 for what the operator is told of while it lasts",
        holding,
    )
}

/// A moment as Prometheus writes it.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a microsecond more or less"
)]
fn seconds(time: Time) -> f64 {
    time.0 as f64 / 1e6
}

fn fraction(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn int(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
