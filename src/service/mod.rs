//! The service: doors, spool, lane, outbox and delivery, put together.
//!
//! Three verbs: settings are checked, [`Service::build`] opens folders and sockets, [`Service::run`]
//! works until it is told to stop and everything in hand is durable.

#[cfg(test)]
mod clock_jumps;
mod digest;
mod doors;
mod housekeeping;
mod lane;
mod watch;

pub(crate) use doors::{Addresses, check_doors};
pub(crate) use housekeeping::words;
pub(crate) use lane::{EPOCH_ROWS_MAX, RECORDS_MAX};
pub(crate) use watch::{METRICS, disk_room};

use doors::Doors;
use watch::{Operator, Panel, Teller};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use sekisho_alert::{Delivery, Outbox};
use sekisho_model::Clock;
use sekisho_sources::http::{Token, Tokens};
use sekisho_sources::{Spool, SpoolSettings};
use sekisho_store::Store;
use tokio::sync::watch as shared;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::context::{Bundle, Generation, Loaded, calendar};
use crate::office::OfficeHours;
use crate::settings::{ChannelKind, ChannelSettings, Settings};
use crate::tokens;

/// How long a stop waits for what is in hand.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(20);

/// A service whose folders and sockets are open.
pub(crate) struct Service {
    settings: Settings,
    clock: Arc<dyn Clock>,
    spool: Spool,
    outbox: Outbox,
    delivery: Delivery,
    generation: Generation,
    start: lane::Start,
    doors: Doors,
    tokens: TokenSenders,
    panel: Arc<Panel>,
    operator: Operator,
    pages: axum::Router,
    numbers: lane::Numbers,
    /// Cancelled when it is to stop.
    stop: CancellationToken,
}

/// The tokens that may send, for the doors, and those that may see, for the pages.
struct TokenSenders {
    doors: shared::Sender<Arc<Tokens>>,
    pages: shared::Sender<Arc<Tokens>>,
}

impl TokenSenders {
    fn send(&self, (doors, pages): (Tokens, Tokens)) {
        self.doors.send_replace(Arc::new(doors));
        self.pages.send_replace(Arc::new(pages));
    }
}

impl Service {
    /// Opens folders, tables, spool, outbox and sockets.
    pub(crate) async fn build(settings: Settings, clock: Arc<dyn Clock>, group_wait: Option<Duration>) -> Result<Self> {
        let data = &settings.data;
        std::fs::create_dir_all(data).with_context(|| format!("cannot make the data folder {}", data.display()))?;
        let bundle = Bundle::collect(&settings.context)?;
        for problem in Loaded::build(&bundle, &settings)?.problems {
            tracing::error!("left out: {problem}");
        }
        let generation = bundle.keep(data).context("cannot keep the rules and lists")?;
        let (store, recovered) = Store::open(data).await?;
        let spool = Spool::open(SpoolSettings {
            next_offset_min: store.positions().furthest(),
            ..SpoolSettings::new(data.join("spool"))
        })?;
        let numbers = lane::Numbers::default();
        let start = lane::Start::new(&settings, &spool, store, recovered, &generation, &numbers)?;
        let channels = settings.channels.iter().map(channel).collect::<Result<Vec<_>>>()?;
        let rules = channels.iter().map(sekisho_alert::ChannelSettings::rule).collect();
        let mut outbox = Outbox::open(&data.join("sekisho.sqlite"), rules, Arc::clone(&clock))?;
        outbox = outbox.with_office(Arc::new(OfficeHours::new(calendar(&settings)?)));
        if let Some(wait) = group_wait {
            outbox = outbox.with_group_wait(wait);
        }
        let operator = operator(&settings, &channels, &outbox, &clock)?;
        let delivery = Delivery::new(&outbox, channels, &settings.zone, &clock)?;
        let (senders, readers) = read_tokens(&settings)?;
        let (doors_tokens, seen) = shared::channel(Arc::new(senders));
        let (pages_tokens, readers) = shared::channel(Arc::new(readers));
        let doors = Doors::open(&settings, &spool, &clock, seen).await?;
        let panel = Arc::new(panel(&settings, &doors, &spool, &outbox, &numbers, &clock)?);
        let stop = CancellationToken::new();
        let pages = watch::router(Arc::clone(&panel), readers, stop.clone());
        let tokens = TokenSenders {
            doors: doors_tokens,
            pages: pages_tokens,
        };
        Ok(Self {
            settings,
            clock,
            spool,
            outbox,
            delivery,
            generation,
            start,
            doors,
            tokens,
            panel,
            operator,
            pages,
            numbers,
            stop,
        })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> Result<Addresses> {
        self.doors.addresses()
    }

    /// The outbox, to see what was found.
    pub(crate) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Works until `shutdown`; then closes the doors, makes what is in hand durable, and returns.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let mut tasks: JoinSet<Result<()>> = JoinSet::new();
        let Self {
            settings,
            clock,
            spool,
            outbox,
            delivery,
            generation,
            start,
            doors,
            tokens,
            panel,
            operator,
            pages,
            numbers,
            stop,
        } = self;
        let again = doors.again(&spool);
        doors.serve(&mut tasks, pages, &settings, &clock, &shutdown);
        tasks.spawn(housekeeping::tick(spool.clone(), Arc::clone(&clock), shutdown.clone()));
        tasks.spawn(digest::run(
            settings.clone(),
            outbox.clone(),
            Arc::clone(&clock),
            shutdown.clone(),
        ));
        tasks.spawn(housekeeping::watch_context(
            settings.clone(),
            generation,
            spool.clone(),
            clock,
            Arc::clone(&panel.refused),
            shutdown.clone(),
        ));
        tasks.spawn(housekeeping::watch_tokens(settings.clone(), tokens, shutdown.clone()));
        tasks.spawn(housekeeping::maintain(settings.clone(), shutdown.clone()));
        tasks.spawn(housekeeping::replay_rejects(settings.clone(), again, shutdown.clone()));

        tasks.spawn(watch::watch(panel, operator, shutdown.clone()));

        // The lane ends after the doors, so that what they took in last is judged too.
        let lane_stop = CancellationToken::new();
        let lane = tokio::spawn(lane::run(
            start,
            settings,
            spool.clone(),
            outbox,
            numbers,
            lane_stop.clone(),
        ));
        let delivery_stop = CancellationToken::new();
        let delivery = tokio::spawn(delivery.run(delivery_stop.clone()));

        let ended = tasks_until(&mut tasks, &shutdown).await;
        stop.cancel();
        shutdown.cancel();
        let drained = tokio::time::timeout(STOP_MAX, async {
            while tasks.join_next().await.is_some() {}
            lane_stop.cancel();
            let lane = lane.await.map_err(|error| anyhow!(error))?;
            delivery_stop.cancel();
            delivery.await.map_err(|error| anyhow!(error))?;
            spool.close().await;
            lane
        })
        .await;
        ended.and(drained.unwrap_or_else(|_| {
            Err(anyhow!(
                "what was in hand did not become durable within {STOP_MAX:?}; it is in the spool"
            ))
        }))
    }
}

/// Waits until a stop is asked for, or a door fails.
async fn tasks_until(tasks: &mut JoinSet<Result<()>>, shutdown: &CancellationToken) -> Result<()> {
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            ended = tasks.join_next() => match ended {
                None => return Ok(()),
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => return Err(anyhow!(error)),
            },
        }
    }
}

/// A channel as the alert side knows it: with its secrets read.
pub(crate) fn channel(settings: &ChannelSettings) -> Result<sekisho_alert::ChannelSettings> {
    let read = |secret: &crate::settings::Secret| {
        let text = secret
            .read()
            .with_context(|| format!("channel {}: cannot read {secret:?}", settings.name))?;
        Ok::<_, anyhow::Error>(sekisho_alert::Secret::new(&text))
    };
    Ok(sekisho_alert::ChannelSettings {
        name: settings.name.clone(),
        kind: match settings.kind {
            ChannelKind::Slack => sekisho_alert::ChannelKind::Slack,
            ChannelKind::Webhook => sekisho_alert::ChannelKind::Webhook,
        },
        url: read(&settings.url)?,
        secrets: settings.secret.iter().map(read).collect::<Result<_>>()?,
        min_level: settings.min_level,
        lang: settings.lang,
        messages_per_day: settings.messages_per_day,
        digest: settings.digest,
        allow_plaintext: settings.allow_plaintext,
    })
}

/// The tokens of the HTTP door, and those of the pages about the service. Without any of the former, whoever reaches a
/// loopback listener may send.
fn read_tokens(settings: &Settings) -> Result<(Tokens, Tokens)> {
    let (pages, tokens): (Vec<Token>, Vec<Token>) = tokens::list(&settings.data)?
        .into_iter()
        .map(|row| Token {
            name: Arc::from(row.source.as_str()),
            hash: row.hash,
            sources: (row.source != "any").then(|| [Arc::from(row.source.as_str())].into()),
            tenant: Arc::from(row.tenant.as_str()),
        })
        .partition(|token| &*token.name == METRICS);
    let open = tokens.is_empty() && settings.listen.http.ip().is_loopback();
    let doors = Tokens {
        tokens,
        anonymous: open.then(|| Arc::clone(&settings.tenant)),
    };
    let pages = Tokens {
        tokens: pages,
        anonymous: None,
    };
    Ok((doors, pages))
}

/// A handle on everything that counts.
#[expect(
    clippy::too_many_arguments,
    reason = "parts that are wired together, told apart by their types"
)]
fn panel(
    settings: &Settings,
    doors: &Doors,
    spool: &Spool,
    outbox: &Outbox,
    numbers: &lane::Numbers,
    clock: &Arc<dyn Clock>,
) -> Result<Panel> {
    Ok(Panel {
        clock: Arc::clone(clock),
        started: clock.now(),
        data: settings.data.clone(),
        spool: spool.clone(),
        doors: doors.counters(),
        udp: doors.addresses()?.syslog_udp,
        lost: doors.lost(),
        kafka: doors.kafka_status(),
        files: settings.files.clone(),
        outbox: outbox.clone(),
        numbers: numbers.clone(),
        refused: Arc::default(),
        law: Mutex::default(),
        holding: Mutex::default(),
    })
}

/// Who tells the operator: every channel once more, outside the outbox.
fn operator(
    settings: &Settings,
    channels: &[sekisho_alert::ChannelSettings],
    outbox: &Outbox,
    clock: &Arc<dyn Clock>,
) -> Result<Operator> {
    let teller = |(own, channel): (&ChannelSettings, &sekisho_alert::ChannelSettings)| -> Result<Teller> {
        let (zone, clock) = (settings.zone.clone(), Arc::clone(clock));
        Ok(Teller {
            courier: sekisho_alert::Courier::new(outbox.clone(), channel.clone(), zone, clock)?,
            is_operator: own.operator,
        })
    };
    Ok(Operator {
        tellers: settings
            .channels
            .iter()
            .zip(channels)
            .map(teller)
            .collect::<Result<_>>()?,
        zone: settings.zone.clone(),
        tenant: Arc::clone(&settings.tenant),
    })
}
