//! The service: doors, spool, lane, outbox and delivery, put together.
//!
//! Three verbs: settings are checked, [`Service::build`] opens folders and sockets, [`Service::run`]
//! works until it is told to stop and everything in hand is durable.

mod doors;
mod housekeeping;
mod lane;

pub(crate) use doors::{Addresses, check_doors};
pub(crate) use housekeeping::words;

use doors::Doors;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use sekisho_alert::{Delivery, Outbox};
use sekisho_model::Clock;
use sekisho_sources::http::{Token, Tokens};
use sekisho_sources::{Spool, SpoolSettings};
use sekisho_store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::context::{Bundle, Generation, Loaded};
use crate::settings::{ChannelKind, ChannelSettings, Settings};
use crate::tokens;

/// How long a stop waits for what is in hand.
const STOP_MAX: Duration = Duration::from_secs(20);

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
    tokens: watch::Sender<Arc<Tokens>>,
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
        let start = lane::Start::new(&settings, &spool, store, recovered, &generation)?;
        let channels = settings.channels.iter().map(channel).collect::<Result<Vec<_>>>()?;
        let rules = channels.iter().map(sekisho_alert::ChannelSettings::rule).collect();
        let mut outbox = Outbox::open(&data.join("sekisho.sqlite"), rules, Arc::clone(&clock))?;
        if let Some(wait) = group_wait {
            outbox = outbox.with_group_wait(wait);
        }
        let delivery = Delivery::new(&outbox, channels, &settings.zone, &clock)?;
        let (tokens, seen) = watch::channel(Arc::new(read_tokens(&settings)?));
        let doors = Doors::open(&settings, &spool, &clock, seen).await?;
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
        } = self;
        doors.serve(&mut tasks, &settings, &clock, &shutdown);
        tasks.spawn(housekeeping::tick(spool.clone(), Arc::clone(&clock), shutdown.clone()));
        tasks.spawn(housekeeping::watch_context(
            settings.clone(),
            generation,
            spool.clone(),
            clock,
            shutdown.clone(),
        ));
        tasks.spawn(housekeeping::watch_tokens(settings.clone(), tokens, shutdown.clone()));
        tasks.spawn(housekeeping::maintain(settings.clone(), shutdown.clone()));

        // The lane ends after the doors, so that what they took in last is judged too.
        let lane_stop = CancellationToken::new();
        let lane = tokio::spawn(lane::run(start, settings, spool.clone(), outbox, lane_stop.clone()));
        let delivery_stop = CancellationToken::new();
        let delivery = tokio::spawn(delivery.run(delivery_stop.clone()));

        let ended = tasks_until(&mut tasks, &shutdown).await;
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
        allow_plaintext: settings.allow_plaintext,
    })
}

/// The tokens of the HTTP door. Without any, whoever reaches a loopback listener may send.
fn read_tokens(settings: &Settings) -> Result<Tokens> {
    let tokens: Vec<Token> = tokens::list(&settings.data)?
        .into_iter()
        .map(|row| Token {
            name: Arc::from(row.source.as_str()),
            hash: row.hash,
            sources: (row.source != "any").then(|| [Arc::from(row.source.as_str())].into()),
            tenant: Arc::from(row.tenant.as_str()),
        })
        .collect();
    let open = tokens.is_empty() && settings.listen.http.ip().is_loopback();
    Ok(Tokens {
        tokens,
        anonymous: open.then(|| Arc::clone(&settings.tenant)),
    })
}
