//! The door against a mock cluster, and what the settings refuse.

use std::collections::BTreeSet;

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext};
use rdkafka::types::RDKafkaRespErr;
use sekisho_model::Time;
use sekisho_pipeline::Log;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::lines::RECORD_BYTES_MAX;
use crate::testing::stored;
use crate::{Counted, SpoolSettings};

const NOW: Time = Time::from_secs(1_790_000_000);

/// How long something may take that happens sooner or later: the mock waits three seconds for members.
const SOON: Duration = Duration::from_mins(1);

struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Cluster {
    fn new(partitions: i32) -> Self {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic("signins", partitions, 1).unwrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", mock.bootstrap_servers())
            .set("linger.ms", "0")
            .create()
            .unwrap();
        Self { mock, producer }
    }

    /// The library sends it, in the order of the calls.
    fn send(&self, partition: i32, value: Option<&[u8]>) {
        let mut record = BaseRecord::<(), [u8]>::to("signins").partition(partition).timestamp(1);
        record.payload = value;
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    fn settings(&self) -> KafkaSettings {
        settings(&self.mock.bootstrap_servers())
    }

    fn committed(&self, group: &str, partitions: i32) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.mock.bootstrap_servers())
            .set("group.id", group)
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range("signins", 0, partitions - 1);
        let committed = consumer.committed_offsets(list, SOON).unwrap();
        committed
            .elements()
            .iter()
            .map(|element| match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
            .collect()
    }
}

fn settings(brokers: &str) -> KafkaSettings {
    KafkaSettings {
        brokers: vec![brokers.to_owned()],
        topics: vec!["signins".to_owned()],
        group: KafkaSettings::GROUP.to_owned(),
        source: Arc::from("entra.signin"),
        tenant: Arc::from("default"),
        backfill: false,
        instance_id: None,
        security: KafkaSecurity::default(),
    }
}

struct Running {
    counters: Arc<Counters>,
    status: Arc<KafkaStatus>,
    shutdown: CancellationToken,
    door: JoinHandle<Result<(), DoorError>>,
}

fn run(settings: KafkaSettings, spool: &Spool) -> Running {
    let counters = Arc::<Counters>::default();
    let mut door = KafkaDoor::new(settings, Arc::new(NOW), Arc::clone(&counters)).unwrap();
    // The mock lets members wait for each other until the session of one could have ended.
    door.client
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "200");
    let shutdown = CancellationToken::new();
    Running {
        counters,
        status: door.status(),
        shutdown: shutdown.clone(),
        door: tokio::spawn(door.run(spool.clone(), shutdown)),
    }
}

impl Running {
    fn taken(&self) -> u64 {
        self.counters.get().accepted
    }

    async fn stop(self) -> (Counted, KafkaSeen) {
        self.shutdown.cancel();
        self.door.await.unwrap().unwrap();
        (self.counters.get(), self.status.get())
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, waited).await.is_ok(), "{what}");
}

fn spool(folder: &TempDir) -> Spool {
    Spool::open(SpoolSettings::new(folder.path())).unwrap()
}

/// The records of all frames, as texts.
async fn texts(spool: &Spool) -> Vec<String> {
    let frames = stored(spool).await;
    let records = frames.into_iter().flat_map(|records| records.records);
    records.map(|record| String::from_utf8(record).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_become_records_and_only_then_the_position_of_the_group() {
    let cluster = Cluster::new(2);
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder);
    let long = vec![b'x'; RECORD_BYTES_MAX + 1];
    cluster.send(0, Some(br#"{"records":[{"a":1},{"a":2}]}"#));
    cluster.send(0, None);
    cluster.send(0, Some(b"\n \n"));
    cluster.send(1, Some(&long));
    cluster.send(1, Some("関所\r\nnext\n".as_bytes()));
    assert_eq!(cluster.committed("sekisho", 2), [None, None]);

    let running = run(cluster.settings(), &spool);
    until("all are taken", || running.taken() == 5).await;
    until("the lag is known", || {
        running.status.get().lags.iter().map(|lag| lag.messages).eq([0, 0])
    })
    .await;
    let (counted, seen) = running.stop().await;

    let mut frames = stored(&spool).await;
    frames.sort_by(|one, two| one.cursor.cmp(&two.cursor));
    let by_partition = |key: &str| -> Vec<&[u8]> {
        let frames = frames
            .iter()
            .filter(|frame| frame.cursor.as_deref().unwrap().starts_with(key));
        frames
            .flat_map(|frame| frame.records.iter().map(Vec::as_slice))
            .collect()
    };
    assert_eq!(by_partition("kafka:signins/0 "), [br#"{"a":1}"#, br#"{"a":2}"#]);
    assert_eq!(
        by_partition("kafka:signins/1 "),
        [&long[1..], "関所".as_bytes(), b"next"]
    );
    assert_eq!(&*frames[0].origin.label, "kafka:signins/0@0");
    assert_eq!(&*frames[0].origin.source, "entra.signin");
    assert_eq!(
        counted,
        Counted {
            received: 5,
            accepted: 5,
            repeated: 0,
            ..Counted::default()
        }
    );
    assert_eq!(
        seen,
        KafkaSeen {
            empty: 2,
            lags: seen.lags.clone(),
            ..KafkaSeen::default()
        }
    );
    assert_eq!(cluster.committed("sekisho", 2), [Some(3), Some(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_but_not_committed_comes_again_and_is_not_taken_again() {
    let cluster = Cluster::new(1);
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder);
    for n in 0..20 {
        cluster.send(0, Some(format!("{n}").as_bytes()));
    }
    let first = run(cluster.settings(), &spool);
    until("all are taken", || first.taken() == 20).await;
    first.stop().await;
    for n in 20..25 {
        cluster.send(0, Some(format!("{n}").as_bytes()));
    }

    // A group without a position gets everything again, as after a crash before the first commit.
    let group = "another".to_owned();
    let again = run(
        KafkaSettings {
            group,
            ..cluster.settings()
        },
        &spool,
    );
    until("the rest is taken", || again.taken() == 5).await;
    let (_, seen) = again.stop().await;

    assert_eq!((seen.repeated, seen.restarted), (20, 0));
    assert_eq!(texts(&spool).await, (0..25).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(cluster.committed("another", 1), [Some(25)]);
}

/// Reads a topic of its own with so many messages; returns them.
async fn read_anew(spool: &Spool, name: &str, length: u64) -> (Vec<String>, KafkaSeen) {
    let cluster = Cluster::new(1);
    let sent: Vec<String> = (0..length).map(|n| format!("{name} {n}")).collect();
    for text in &sent {
        cluster.send(0, Some(text.as_bytes()));
    }
    let running = run(cluster.settings(), spool);
    until("all are taken", || running.taken() == length).await;
    let (_, seen) = running.stop().await;
    (sent, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_again_is_read_from_its_beginning() {
    for length in [3, 10, 12] {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(&folder);

        let (mut sent, before) = read_anew(&spool, "old", 10).await;
        let (again, after) = read_anew(&spool, "new", length).await;

        sent.extend(again);
        assert_eq!(texts(&spool).await, sent, "{length}");
        assert_eq!((before.restarted, after.restarted), (0, 1), "{length}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_share_the_partitions_and_none_is_lost_when_one_leaves() {
    let cluster = Cluster::new(4);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let spools = [spool(&folders[0]), spool(&folders[1])];
    let send = |from: usize, to: usize| {
        for n in from..to {
            cluster.send(i32::try_from(n % 4).unwrap(), Some(format!("{n}").as_bytes()));
        }
    };
    send(0, 100);
    let one = run(cluster.settings(), &spools[0]);
    until("one member has all", || one.taken() == 100).await;
    let two = run(cluster.settings(), &spools[1]);
    send(100, 200);
    until("both have all", || one.taken() + two.taken() == 200).await;
    until("the partitions are shared", || {
        !two.status.get().lags.is_empty() && !one.status.get().lags.is_empty()
    })
    .await;
    send(200, 300);
    until("both have more", || one.taken() + two.taken() == 300).await;
    assert!(two.taken() > 0);
    one.stop().await;
    send(300, 400);
    until("the one that stays has the rest", || {
        spools[0].status().end + spools[1].status().end >= 400
    })
    .await;
    let (counted, seen) = two.stop().await;

    let mut all = texts(&spools[0]).await;
    all.extend(texts(&spools[1]).await);
    assert_eq!(all.len(), 400, "{counted:?} {seen:?}");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 400);
    assert_eq!(cluster.committed("sekisho", 4), [Some(100); 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_spool_is_full_nothing_is_read_and_the_place_in_the_group_is_kept() {
    let cluster = Cluster::new(2);
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(SpoolSettings {
        quota_bytes: 4 * 1024 * 1024,
        ..SpoolSettings::new(folder.path())
    })
    .unwrap();
    let value = |n: usize| format!("{n} {}", "x".repeat(30_000));
    for n in 0..120 {
        cluster.send(i32::try_from(n % 2).unwrap(), Some(value(n).as_bytes()));
    }
    let running = run(cluster.settings(), &spool);
    until("as much as fits is taken", || running.taken() >= 60).await;
    for n in 120..240 {
        cluster.send(i32::try_from(n % 2).unwrap(), Some(value(n).as_bytes()));
    }
    let mut read = Vec::new();
    let mut reader = spool.reader();
    while read.len() < 240 {
        let from = read.len();
        let frames = stored_from(&spool, from).await;
        read.extend(frames);
        // There is room again only when somebody truncates.
        reader.truncate(i64::try_from(read.len()).unwrap()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, seen) = running.stop().await;

    let numbers: BTreeSet<usize> = read
        .iter()
        .map(|text| text.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!((read.len(), numbers.len()), (240, 240));
    assert_eq!(seen.repeated, 0);
    assert_eq!(cluster.committed("sekisho", 2), [Some(120); 2]);
}

async fn stored_from(spool: &Spool, from: usize) -> Vec<String> {
    let frames = crate::testing::frames(spool, i64::try_from(from).unwrap()).await;
    let records = frames.into_iter().flat_map(|frame| match frame.body {
        sekisho_pipeline::FrameBody::Records(records) => records.records,
        _ => Vec::new(),
    });
    records.map(|record| String::from_utf8(record).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_and_comes_is_read_on() {
    let cluster = Cluster::new(1);
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder);
    cluster.send(0, Some(b"before"));
    let running = run(cluster.settings(), &spool);
    until("it reads", || running.taken() == 1).await;

    cluster.mock.broker_down(1).unwrap();
    until("it tells", || running.status.get().trouble.is_some()).await;
    let trouble = running.status.get().trouble.unwrap();
    assert!(trouble.contains("no broker can be reached"), "{trouble}");
    cluster.mock.broker_up(1).unwrap();
    cluster.send(0, Some(b"after"));
    until("it reads on", || running.taken() == 2).await;
    until("it is well", || running.status.get().trouble.is_none()).await;
    running.stop().await;

    assert_eq!(texts(&spool).await, ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_brokers_refuse_is_told_with_what_to_do() {
    let cluster = Cluster::new(1);
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder);
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.mock.topic_error("signins", denied).unwrap();

    let running = run(cluster.settings(), &spool);
    until("it tells", || running.status.get().trouble.is_some()).await;
    let (_, seen) = running.stop().await;

    let trouble = seen.trouble.unwrap();
    assert!(trouble.contains("allow READ"), "{trouble}");
}

#[test]
fn every_codec_is_built_in() {
    let native = ClientConfig::new().create_native_config().unwrap();
    let features = native.get("builtin.features").unwrap();
    let features: Vec<&str> = features.trim_end_matches('\0').split(',').collect();
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        assert!(features.contains(&codec), "{codec}: {features:?}");
    }
    for feature in ["ssl", "sasl_scram"] {
        assert_eq!(features.contains(&feature), cfg!(feature = "kafka-tls"), "{features:?}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_a_reason() {
    let password = KafkaPassword::new("secret\n");
    let sasl = |mechanism| {
        Some(KafkaSasl {
            mechanism,
            user: "user".to_owned(),
            password: password.clone(),
        })
    };
    let change = |change: &dyn Fn(&mut KafkaSettings)| {
        let mut settings = settings("localhost:9092");
        change(&mut settings);
        KafkaSettings::check(&[settings]).err().map(|error| error.to_string())
    };
    assert_eq!(change(&|_| {}), None);
    assert!(
        change(&|settings| settings.brokers.clear())
            .unwrap()
            .contains("brokers is empty")
    );
    assert!(
        change(&|settings| settings.group.clear())
            .unwrap()
            .contains("group is empty")
    );
    for topic in ["", "^sign.*", "a/b", "a b", &"x".repeat(250)] {
        assert!(
            change(&|settings| settings.topics = vec![topic.to_owned()])
                .unwrap()
                .contains("cannot be a topic")
        );
    }
    let twice = [settings("localhost:9092"), settings("localhost:9093")];
    assert_eq!(
        KafkaSettings::check(&twice),
        Err(KafkaSettingsError::Twice("signins".to_owned()))
    );
    let plain = change(&|settings| settings.security.sasl = sasl(SaslMechanism::Plain));
    assert_eq!(plain, None);
    let plain = change(&|settings| {
        settings.brokers.push("kafka.example.co.jp:9092".to_owned());
        settings.security.sasl = sasl(SaslMechanism::Plain);
    });
    assert!(plain.unwrap().contains("kafka.example.co.jp:9092 in the clear"));
    for needs_tls in [
        change(&|settings| settings.security.tls = Some(KafkaTls::default())),
        change(&|settings| settings.security.sasl = sasl(SaslMechanism::ScramSha256)),
    ] {
        match needs_tls {
            Some(error) if !cfg!(feature = "kafka-tls") => assert!(error.contains("--features kafka-tls"), "{error}"),
            none => assert_eq!((none, cfg!(feature = "kafka-tls")), (None, true)),
        }
    }
    assert!(!format!("{:?}", sasl(SaslMechanism::Plain)).contains("secret"));
}

#[test]
fn what_is_in_hand_of_an_old_topic_is_kept_with_the_position_of_the_new_one() {
    use super::batch::{Batch, Partition};
    use super::progress::Mark;

    let mark = |next: i64| Mark {
        next,
        last: "ff".to_owned(),
    };
    let partition = Partition::new("signins", 3);
    let mut batch = Batch::default();
    batch.push(&partition, mark(60), vec![b"old".to_vec()]);

    batch.rewind(&partition, 0);

    let (_, records) = batch.to_records(&settings("localhost:9092"));
    assert_eq!(records[0].cursor.as_deref(), Some("kafka:signins/3 0 "));
    batch.push(&partition, mark(1), vec![b"new".to_vec()]);
    let (_, records) = batch.to_records(&settings("localhost:9092"));
    assert_eq!(records[0].cursor.as_deref(), Some("kafka:signins/3 1 ff"));
    assert_eq!(records[0].records, [b"old", b"new"]);
    assert_eq!(batch.take(&partition), Some((1, 2)));
    assert!(batch.is_empty());
}

#[test]
fn a_value_that_cannot_be_taken_apart_is_kept_as_one_record() {
    use super::batch::{Value, open};
    use crate::http::{BODY_BYTES_MAX, RECORDS_MAX};

    let many = "{}".repeat(RECORDS_MAX);
    assert!(matches!(open(many.as_bytes()), Value::Records(records) if records.len() == RECORDS_MAX));
    let too_many = "{}".repeat(RECORDS_MAX + 1);
    assert_eq!(
        open(too_many.as_bytes()),
        Value::Oversize(too_many.as_bytes()[..RECORD_BYTES_MAX].to_vec())
    );
    let too_large = vec![b'x'; BODY_BYTES_MAX + 1];
    assert_eq!(
        open(&too_large),
        Value::Oversize(too_large[..RECORD_BYTES_MAX].to_vec())
    );
}
