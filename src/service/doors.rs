//! The doors of a service: opened, where they listen, and served.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use sekisho_model::Clock;
use sekisho_sources::file::{FileFollower, FileSettings};
use sekisho_sources::http::{HttpDoor, KnownSource, Tokens, router};
use sekisho_sources::kafka::{
    KafkaDoor, KafkaPassword, KafkaSasl, KafkaSecurity, KafkaSettings, KafkaStatus, KafkaTls,
};
use sekisho_sources::syslog::LostBySender;
use sekisho_sources::{
    AgainDoor, Counters, Forward, ForwardDoor, Listener, Lumberjack, LumberjackDoor, SharedKey, Spool, SyslogDoor,
    SyslogTcp, SyslogUdp, Tls, TlsSettings, serve_http,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::settings::{self, DoorKind, Settings};

/// Where a running service listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) syslog_tcp: SocketAddr,
    pub(crate) syslog_udp: SocketAddr,
}

/// What goes through the doors, one set of counters for each kind.
#[derive(Debug, Default)]
struct Counting {
    http: Arc<Counters>,
    syslog_tcp: Arc<Counters>,
    syslog_udp: Arc<Counters>,
    lumberjack: Arc<Counters>,
    forward: Arc<Counters>,
    kafka: Arc<Counters>,
    file: Arc<Counters>,
    again: Arc<Counters>,
}

/// The doors, which listen but are not served yet.
pub(super) struct Doors {
    spool: Spool,
    sources: Arc<[KnownSource]>,
    http: Vec<Listener>,
    http_door: HttpDoor,
    syslog: Vec<SyslogTcp>,
    syslog_udp: SyslogUdp,
    lumberjack: Vec<Lumberjack>,
    forward: Vec<Forward>,
    kafka: Vec<KafkaDoor>,
    /// What each kind of door counts.
    counters: Counting,
    /// For the door of HTTP, whose clients have tokens, and for the others.
    tls: Option<(Tls, Tls)>,
}

impl Doors {
    /// Listens everywhere.
    pub(super) async fn open(
        settings: &Settings,
        spool: &Spool,
        clock: &Arc<dyn Clock>,
        tokens: watch::Receiver<Arc<Tokens>>,
    ) -> Result<Self> {
        let (listen, sources) = (&settings.listen, known_sources(settings));
        let tls = listen.tls.as_ref().map(load_tls).transpose()?;
        let counters = Counting::default();
        let syslog = SyslogDoor {
            spool: spool.clone(),
            clock: Arc::clone(clock),
            tenant: Arc::clone(&settings.tenant),
            classify: sekisho_formats::classify,
            counters: Arc::clone(&counters.syslog_tcp),
        };
        let udp = SyslogDoor {
            counters: Arc::clone(&counters.syslog_udp),
            ..syslog.clone()
        };
        let mut doors = Self {
            http: vec![Listener::bind("HTTP", listen.http, None).await?],
            http_door: HttpDoor {
                spool: spool.clone(),
                clock: Arc::clone(clock),
                tokens,
                sources: Arc::clone(&sources),
                counters: Arc::clone(&counters.http),
                shutdown: CancellationToken::new(),
            },
            syslog: vec![SyslogTcp::bind(listen.syslog_tcp, syslog.clone()).await?],
            syslog_udp: SyslogUdp::bind(listen.syslog_udp, udp).await?,
            lumberjack: Vec::new(),
            forward: Vec::new(),
            kafka: kafka_doors(settings, clock, &counters.kafka)?,
            counters,
            spool: spool.clone(),
            sources,
            tls,
        };
        for (kind, address) in &listen.more {
            doors.open_more(*kind, *address, settings, &syslog).await?;
        }
        Ok(doors)
    }

    async fn open_more(
        &mut self,
        kind: DoorKind,
        address: SocketAddr,
        settings: &Settings,
        syslog: &SyslogDoor,
    ) -> Result<()> {
        let tls = self.tls.as_ref().filter(|_| kind.is_tls());
        let tls = tls.map(|(http, others)| if kind == DoorKind::HttpTls { http } else { others }.clone());
        match (kind, tls) {
            (DoorKind::HttpTls, tls) => self.http.push(Listener::bind("HTTP over TLS", address, tls).await?),
            (DoorKind::SyslogTls, Some(tls)) => {
                self.syslog
                    .push(SyslogTcp::bind_tls(address, syslog.clone(), tls).await?);
            }
            // The settings were checked: without a certificate there is no such door.
            (DoorKind::SyslogTls, None) => {}
            (DoorKind::Lumberjack | DoorKind::LumberjackTls, tls) => {
                let door = self.lumberjack_door(settings, syslog);
                self.lumberjack.push(Lumberjack::bind(address, door, tls).await?);
            }
            (DoorKind::Forward | DoorKind::ForwardTls, tls) => {
                let door = self.forward_door(settings, syslog)?;
                self.forward.push(Forward::bind(address, door, tls).await?);
            }
        }
        Ok(())
    }

    fn lumberjack_door(&self, settings: &Settings, syslog: &SyslogDoor) -> LumberjackDoor {
        LumberjackDoor {
            spool: self.spool.clone(),
            clock: Arc::clone(&syslog.clock),
            tenant: Arc::clone(&settings.tenant),
            source: known(settings, "auto"),
            counters: Arc::clone(&self.counters.lumberjack),
        }
    }

    fn forward_door(&self, settings: &Settings, syslog: &SyslogDoor) -> Result<ForwardDoor> {
        let key = settings.listen.forward_key.as_ref();
        let read = |key: &settings::Secret| -> Result<SharedKey> {
            let text = key
                .read()
                .with_context(|| format!("listen.forward_key_file: cannot read {key:?}"))?;
            Ok(SharedKey::new(&text))
        };
        Ok(ForwardDoor {
            spool: self.spool.clone(),
            clock: Arc::clone(&syslog.clock),
            tenant: Arc::clone(&settings.tenant),
            sources: Arc::clone(&self.sources),
            key: key.map(read).transpose()?,
            counters: Arc::clone(&self.counters.forward),
        })
    }

    /// Where the doors are that are always open.
    pub(super) fn addresses(&self) -> Result<Addresses> {
        let http = self.http.first().context("there is a door for HTTP")?;
        let syslog_tcp = self.syslog.first().context("there is a door for syslog")?;
        Ok(Addresses {
            http: http.address()?,
            syslog_tcp: syslog_tcp.address()?,
            syslog_udp: self.syslog_udp.address()?,
        })
    }

    /// What went through each kind of door.
    pub(super) fn counters(&self) -> Vec<(&'static str, Arc<Counters>)> {
        let Counting {
            http,
            syslog_tcp,
            syslog_udp,
            lumberjack,
            forward,
            kafka,
            file,
            again,
        } = &self.counters;
        let named = [
            ("http", http),
            ("syslog_tcp", syslog_tcp),
            ("syslog_udp", syslog_udp),
            ("lumberjack", lumberjack),
            ("forward", forward),
            ("kafka", kafka),
            ("file", file),
            ("again", again),
        ];
        named.map(|(name, counters)| (name, Arc::clone(counters))).into()
    }

    /// The way by which rejects are read again.
    pub(super) fn again(&self, spool: &Spool) -> AgainDoor {
        AgainDoor {
            spool: spool.clone(),
            counters: Arc::clone(&self.counters.again),
        }
    }

    /// What was lost of each sender of syslog over UDP.
    pub(super) fn lost(&self) -> Arc<LostBySender> {
        self.syslog_udp.lost()
    }

    /// What the Kafka doors see.
    pub(super) fn kafka_status(&self) -> Vec<Arc<KafkaStatus>> {
        self.kafka.iter().map(KafkaDoor::status).collect()
    }

    /// Serves every door until `shutdown`, each in a task of its own.
    #[expect(
        clippy::too_many_arguments,
        reason = "parts that are wired together, told apart by their types"
    )]
    pub(super) fn serve(
        self,
        tasks: &mut JoinSet<Result<()>>,
        pages: axum::Router,
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        shutdown: &CancellationToken,
    ) {
        let router = router(HttpDoor {
            shutdown: shutdown.clone(),
            ..self.http_door
        })
        .merge(pages);
        for listener in self.http {
            let (router, stop) = (router.clone(), shutdown.clone());
            tasks.spawn(async move {
                serve_http(listener, router, stop).await;
                Ok(())
            });
        }
        for door in self.syslog {
            let stop = shutdown.clone();
            tasks.spawn(async move { Ok(door.run(stop).await?) });
        }
        let stop = shutdown.clone();
        tasks.spawn(async move { Ok(self.syslog_udp.run(stop).await?) });
        for door in self.lumberjack {
            let stop = shutdown.clone();
            tasks.spawn(async move { Ok(door.run(stop).await?) });
        }
        for door in self.forward {
            let stop = shutdown.clone();
            tasks.spawn(async move { Ok(door.run(stop).await?) });
        }
        for door in self.kafka {
            tasks.spawn(super::housekeeping::tell_lag(door.status(), shutdown.clone()));
            let (spool, stop) = (self.spool.clone(), shutdown.clone());
            tasks.spawn(async move { Ok(door.run(spool, stop).await?) });
        }
        for tls in self.tls.into_iter().flat_map(|(http, others)| [http, others]) {
            let stop = shutdown.clone();
            tasks.spawn(async move {
                tls.watch(stop).await;
                Ok(())
            });
        }
        follow_files(&self.spool, tasks, settings, (clock, &self.counters.file), shutdown);
    }
}

fn follow_files(
    spool: &Spool,
    tasks: &mut JoinSet<Result<()>>,
    settings: &Settings,
    (clock, counters): (&Arc<dyn Clock>, &Arc<Counters>),
    shutdown: &CancellationToken,
) {
    for file in &settings.files {
        if let Some(trouble) = file.trouble() {
            tracing::error!("{trouble}; it is followed as soon as it can be read");
        }
        let followed = FileSettings {
            path: file.path.clone(),
            source: Arc::from(file.source.as_str()),
            tenant: Arc::clone(&settings.tenant),
            backfill: known(settings, &file.source).backfill,
        };
        let follower = FileFollower::new(followed, Arc::clone(clock), Arc::clone(counters));
        let (spool, stop) = (spool.clone(), shutdown.clone());
        tasks.spawn(async move { Ok(follower.run(spool, stop).await?) });
    }
}

/// Checks what can be checked of the doors without opening them: certificates, and how brokers are reached.
pub(crate) fn check_doors(settings: &Settings) -> Result<()> {
    if let Some(tls) = &settings.listen.tls {
        load_tls(tls)?;
    }
    if let Some(key) = &settings.listen.forward_key {
        key.read()
            .with_context(|| format!("listen.forward_key_file: cannot read {key:?}"))?;
    }
    KafkaSettings::check(&kafka_settings(settings)?)?;
    Ok(())
}

/// What the door of HTTP shows, which asks for no certificate, and what the others do.
fn load_tls(tls: &settings::Tls) -> Result<(Tls, Tls)> {
    let load = |client_ca| {
        Tls::load(TlsSettings {
            certificate: tls.certificate.clone(),
            key: tls.key.clone(),
            client_ca,
        })
    };
    Ok((load(None)?, load(tls.client_ca.clone())?))
}

fn kafka_doors(settings: &Settings, clock: &Arc<dyn Clock>, counters: &Arc<Counters>) -> Result<Vec<KafkaDoor>> {
    let all = kafka_settings(settings)?;
    KafkaSettings::check(&all)?;
    let door = |settings| KafkaDoor::new(settings, Arc::clone(clock), Arc::clone(counters));
    Ok(all.into_iter().map(door).collect::<Result<_, _>>()?)
}

fn kafka_settings(settings: &Settings) -> Result<Vec<KafkaSettings>> {
    settings.kafka.iter().map(|door| one_kafka(settings, door)).collect()
}

fn one_kafka(settings: &Settings, door: &settings::KafkaDoor) -> Result<KafkaSettings> {
    let sasl = |sasl: &settings::Sasl| -> Result<KafkaSasl> {
        let (user, secret) = (sasl.user.clone(), &sasl.password);
        let text = secret
            .read()
            .with_context(|| format!("kafka.password_file: cannot read {secret:?}"))?;
        Ok(KafkaSasl {
            mechanism: sasl.mechanism,
            user,
            password: KafkaPassword::new(&text),
        })
    };
    Ok(KafkaSettings {
        brokers: door.brokers.clone(),
        topics: door.topics.clone(),
        group: door.group.clone(),
        source: Arc::from(door.source.as_str()),
        tenant: Arc::clone(&settings.tenant),
        backfill: known(settings, &door.source).backfill,
        instance_id: door.instance_id.clone(),
        security: KafkaSecurity {
            tls: door.tls.then(|| KafkaTls {
                ca: door.ca.clone(),
                client: door.client.clone(),
            }),
            sasl: door.sasl.as_ref().map(sasl).transpose()?,
            allow_plaintext: door.allow_plaintext,
        },
    })
}

/// What the doors know of the sources.
fn known_sources(settings: &Settings) -> Arc<[KnownSource]> {
    std::iter::once("auto")
        .chain(sekisho_formats::FORMATS.iter().map(|spec| spec.id))
        .map(|id| known(settings, id))
        .collect()
}

fn known(settings: &Settings, id: &str) -> KnownSource {
    KnownSource {
        id: Arc::from(id),
        backfill: settings.sources.iter().any(|source| source.id == id && source.backfill),
    }
}
