//! The service: doors, spool, lane, outbox and delivery, put together.
//!
//! Three verbs: settings are checked, [`Service::build`] opens folders and sockets, [`Service::run`]
//! works until it is told to stop and everything in hand is durable.

mod housekeeping;
mod lane;

pub(crate) use housekeeping::words;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use sekisho_alert::{Delivery, Outbox};
use sekisho_model::Clock;
use sekisho_sources::file::{FileFollower, FileSettings};
use sekisho_sources::http::{HttpDoor, KnownSource, Token, Tokens, router};
use sekisho_sources::syslog::{SyslogDoor, SyslogTcp, SyslogUdp};
use sekisho_sources::{Counters, Spool, SpoolSettings};
use sekisho_store::Store;
use tokio::net::TcpListener;
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
    http: TcpListener,
    syslog_tcp: SyslogTcp,
    syslog_udp: SyslogUdp,
    tokens: watch::Sender<Arc<Tokens>>,
    counters: Doors,
}

/// What each door counts.
#[derive(Clone, Debug, Default)]
struct Doors {
    http: Arc<Counters>,
    syslog: Arc<Counters>,
    file: Arc<Counters>,
}

/// Where a running service listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) syslog_tcp: SocketAddr,
    pub(crate) syslog_udp: SocketAddr,
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
        let counters = Doors::default();
        let syslog = SyslogDoor {
            spool: spool.clone(),
            clock: Arc::clone(&clock),
            tenant: Arc::clone(&settings.tenant),
            classify: sekisho_formats::classify,
            counters: Arc::clone(&counters.syslog),
        };
        let listen = settings.listen.clone();
        let (tokens, _) = watch::channel(Arc::new(read_tokens(&settings)?));
        Ok(Self {
            http: TcpListener::bind(listen.http)
                .await
                .with_context(|| format!("cannot listen on {} (http)", listen.http))?,
            syslog_tcp: SyslogTcp::bind(listen.syslog_tcp, syslog.clone()).await?,
            syslog_udp: SyslogUdp::bind(listen.syslog_udp, syslog).await?,
            settings,
            clock,
            spool,
            outbox,
            delivery,
            generation,
            start,
            tokens,
            counters,
        })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> Result<Addresses> {
        Ok(Addresses {
            http: self.http.local_addr()?,
            syslog_tcp: self.syslog_tcp.address()?,
            syslog_udp: self.syslog_udp.address()?,
        })
    }

    /// The outbox, to see what was found.
    pub(crate) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Works until `shutdown`; then closes the doors, makes what is in hand durable, and returns.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let mut doors: JoinSet<Result<()>> = JoinSet::new();
        self.follow_files(&mut doors, &shutdown);
        let router = router(self.http_door(&shutdown));
        let Self {
            settings,
            clock,
            spool,
            outbox,
            delivery,
            generation,
            start,
            http,
            tokens,
            syslog_tcp,
            syslog_udp,
            ..
        } = self;
        let stop = shutdown.clone();
        doors.spawn(async move {
            let serve = axum::serve(http, router.into_make_service_with_connect_info::<SocketAddr>());
            Ok(serve.with_graceful_shutdown(stop.cancelled_owned()).await?)
        });
        let stop = shutdown.clone();
        doors.spawn(async move { Ok(syslog_tcp.run(stop).await?) });
        let stop = shutdown.clone();
        doors.spawn(async move { Ok(syslog_udp.run(stop).await?) });
        doors.spawn(housekeeping::tick(spool.clone(), Arc::clone(&clock), shutdown.clone()));
        doors.spawn(housekeeping::watch_context(
            settings.clone(),
            generation,
            spool.clone(),
            clock,
            shutdown.clone(),
        ));
        doors.spawn(housekeeping::watch_tokens(settings.clone(), tokens, shutdown.clone()));
        doors.spawn(housekeeping::maintain(settings.clone(), shutdown.clone()));

        // The lane ends after the doors, so that what they took in last is judged too.
        let lane_stop = CancellationToken::new();
        let lane = tokio::spawn(lane::run(start, settings, spool.clone(), outbox, lane_stop.clone()));
        let delivery_stop = CancellationToken::new();
        let delivery = tokio::spawn(delivery.run(delivery_stop.clone()));

        let ended = doors_until(&mut doors, &shutdown).await;
        shutdown.cancel();
        let drained = tokio::time::timeout(STOP_MAX, async {
            while doors.join_next().await.is_some() {}
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

    fn http_door(&self, shutdown: &CancellationToken) -> HttpDoor {
        HttpDoor {
            spool: self.spool.clone(),
            clock: Arc::clone(&self.clock),
            tokens: self.tokens.subscribe(),
            sources: known_sources(&self.settings),
            counters: Arc::clone(&self.counters.http),
            shutdown: shutdown.clone(),
        }
    }

    fn follow_files(&self, doors: &mut JoinSet<Result<()>>, shutdown: &CancellationToken) {
        for file in &self.settings.files {
            if let Some(trouble) = file.trouble() {
                tracing::error!("{trouble}; it is followed as soon as it can be read");
            }
            let followed = FileSettings {
                path: file.path.clone(),
                source: Arc::from(file.source.as_str()),
                tenant: Arc::clone(&self.settings.tenant),
                backfill: false,
            };
            let follower = FileFollower::new(followed, Arc::clone(&self.clock), Arc::clone(&self.counters.file));
            let (spool, stop) = (self.spool.clone(), shutdown.clone());
            doors.spawn(async move { Ok(follower.run(spool, stop).await?) });
        }
    }
}

/// Waits until a stop is asked for, or a door fails.
async fn doors_until(doors: &mut JoinSet<Result<()>>, shutdown: &CancellationToken) -> Result<()> {
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            ended = doors.join_next() => match ended {
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

/// What the HTTP door knows of the sources.
fn known_sources(settings: &Settings) -> Arc<[KnownSource]> {
    let backfill = |id: &str| settings.sources.iter().any(|source| source.id == id && source.backfill);
    std::iter::once("auto")
        .chain(sekisho_formats::FORMATS.iter().map(|spec| spec.id))
        .map(|id| KnownSource {
            id: Arc::from(id),
            backfill: backfill(id),
        })
        .collect()
}
