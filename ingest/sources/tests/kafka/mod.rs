//! The door against a real broker. `tests/kafka-broker.sh` starts one; `SEKISHO_KAFKA` names it, such as
//! `127.0.0.1:19092`. Without it these tests say that they were skipped.

#[cfg(feature = "kafka-tls")]
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sekisho_model::Time;
use sekisho_pipeline::{FrameBody, Log};
use sekisho_sources::kafka::{KafkaDoor, KafkaSecurity, KafkaSeen, KafkaSettings, KafkaStatus};
use sekisho_sources::{Counters, DoorError, Spool, SpoolSettings};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const BROKER_VARIABLE: &str = "SEKISHO_KAFKA";

/// Names folder, topic and instance to the process that is to be killed.
const CHILD_VARIABLE: &str = "SEKISHO_TEST_KAFKA";

const PARTITIONS: i32 = 4;

/// How long something may take that happens sooner or later. A member that was killed is missed after 45 s.
const SOON: Duration = Duration::from_mins(2);

/// A topic of its own for each test; message `n` of partition `p` is `p n` and has offset `n`.
struct Topic {
    broker: String,
    name: String,
    admin: AdminClient<DefaultClientContext>,
    sent: BTreeMap<i32, i64>,
}

impl Topic {
    /// `None`, and words, if there is no broker.
    async fn new(test: &str) -> Option<Self> {
        let Some(broker) = variable(BROKER_VARIABLE) else {
            skipped();
            return None;
        };
        let admin = config(&broker).create().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let unique = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut topic = Self {
            broker,
            name: format!("{test}{unique}"),
            admin,
            sent: BTreeMap::new(),
        };
        topic.make().await;
        Some(topic)
    }

    async fn make(&mut self) {
        let new = NewTopic::new(&self.name, PARTITIONS, TopicReplication::Fixed(1));
        // A topic that was just deleted may still be in the way.
        let started = Instant::now();
        loop {
            let made = self.admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
            match &made[0] {
                Ok(_) => break,
                Err(error) => assert!(started.elapsed() < SOON, "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.sent.clear();
    }

    async fn delete(&self) {
        let deleted = self.admin.delete_topics(&[&self.name], &AdminOptions::new()).await;
        deleted.unwrap()[0].as_ref().unwrap();
    }

    fn send(&mut self, codec: &str, count: i64) {
        let producer: BaseProducer = config(&self.broker)
            .set("compression.type", codec)
            .set("linger.ms", "20")
            .set("enable.idempotence", "true")
            .create()
            .unwrap();
        for n in 0..count {
            let partition = i32::try_from(n % i64::from(PARTITIONS)).unwrap();
            let sent = self.sent.entry(partition).or_default();
            let value = format!("{partition} {sent}");
            *sent += 1;
            let record = BaseRecord::<(), str>::to(&self.name)
                .partition(partition)
                .payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(SOON).unwrap();
    }

    /// All that was sent since the topic was made.
    fn all(&self) -> BTreeSet<String> {
        let of = |(partition, sent): (&i32, &i64)| (0..*sent).map(|n| format!("{partition} {n}")).collect::<Vec<_>>();
        self.sent.iter().flat_map(of).collect()
    }

    fn committed(&self) -> BTreeMap<i32, i64> {
        let consumer: BaseConsumer = config(&self.broker).set("group.id", &self.name).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.name, 0, PARTITIONS - 1);
        let committed = consumer.committed_offsets(list, SOON).unwrap();
        let offset = |offset| match offset {
            Offset::Offset(offset) => offset,
            _ => 0,
        };
        let elements = committed.elements();
        let of = elements
            .iter()
            .map(|element| (element.partition(), offset(element.offset())));
        of.collect()
    }

    fn settings(&self, instance_id: Option<&str>) -> KafkaSettings {
        settings(&self.broker, &self.name, instance_id)
    }
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skipped() {
    println!("skipped: {BROKER_VARIABLE} names no broker");
}

fn variable(name: &str) -> Option<String> {
    Some(std::env::var_os(name)?.into_string().unwrap())
}

fn config(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker);
    config
}

fn settings(broker: &str, topic: &str, instance_id: Option<&str>) -> KafkaSettings {
    KafkaSettings {
        brokers: vec![broker.to_owned()],
        topics: vec![topic.to_owned()],
        group: topic.to_owned(),
        source: Arc::from("auto"),
        tenant: Arc::from("default"),
        backfill: false,
        instance_id: instance_id.map(str::to_owned),
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
    let door = KafkaDoor::new(settings, Arc::new(Time(1)), Arc::clone(&counters)).unwrap();
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

    async fn stop(self) -> KafkaSeen {
        self.shutdown.cancel();
        self.door.await.unwrap().unwrap();
        self.status.get()
    }
}

fn open(folder: &Path) -> Spool {
    Spool::open(SpoolSettings::new(folder)).unwrap()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every record.
async fn texts(spool: &Spool) -> Vec<String> {
    let mut reader = spool.reader();
    let mut texts = Vec::new();
    let mut from = 0;
    while from < spool.status().end {
        for frame in reader.read(from, 1_000).await.unwrap() {
            from = frame.end();
            if let FrameBody::Records(records) = frame.body {
                texts.extend(records.records.into_iter().map(|text| String::from_utf8(text).unwrap()));
            }
        }
    }
    texts
}

/// Each of `expected` once, and nothing else.
fn assert_exact(found: &[String], expected: &BTreeSet<String>) {
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(&distinct, expected);
    assert_eq!(found.len(), expected.len(), "some were taken twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_codec_is_read() {
    let Some(mut topic) = Topic::new("codec").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    let running = run(topic.settings(None), &spool);
    for (n, codec) in (1_u64..).zip(["none", "gzip", "snappy", "lz4", "zstd"]) {
        topic.send(codec, 1_000);
        until(codec, || running.taken() == n * 1_000).await;
    }
    let seen = running.stop().await;

    assert_eq!(seen.repeated, 0);
    assert_exact(&texts(&spool).await, &topic.all());
    assert_eq!(topic.committed(), topic.sent);
}

/// Only does something as the process that is to be killed.
#[test]
fn child_reads_a_topic_and_tells_how_much() {
    let Some(task) = variable(CHILD_VARIABLE) else {
        return;
    };
    let [folder, topic, instance] = task.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let broker = variable(BROKER_VARIABLE).unwrap();
    let spool = open(Path::new(folder));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let instance = Some(instance).filter(|instance| !instance.is_empty());
    let running = runtime.block_on(async { run(settings(&broker, topic, instance), &spool) });
    loop {
        writeln!(std::io::stdout(), "taken {} .", running.taken()).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start(topic: &Topic, folder: &TempDir, instance: &str) -> Child {
    let task = format!("{} {} {instance}", folder.path().display(), topic.name);
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kafka::child_reads_a_topic_and_tells_how_much",
            "--nocapture",
        ])
        .env(CHILD_VARIABLE, task)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it as soon as it told that it took so much.
fn kill_after(mut child: Child, records: u64) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = |line: String| line.strip_prefix("taken ")?.strip_suffix(" .")?.parse::<u64>().ok();
    let enough = lines
        .map_while(Result::ok)
        .filter_map(told)
        .any(|taken| records <= taken);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(enough, "it ended by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_every_message_is_there_once() {
    let Some(mut topic) = Topic::new("kill").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (n, codec) in (1..).zip(["none", "gzip", "snappy", "lz4", "zstd", "none"]) {
        topic.send(codec, 5_000);
        let child = start(&topic, &folder, "one");
        tokio::task::spawn_blocking(move || kill_after(child, 100 * n))
            .await
            .unwrap();
    }
    topic.send("zstd", 1_000);

    let spool = open(folder.path());
    let before = spool.status().end;
    assert!(before < 31_000);
    let running = run(topic.settings(Some("one")), &spool);
    until("the rest is taken", || spool.status().end == 31_000).await;
    let seen = running.stop().await;

    assert_exact(&texts(&spool).await, &topic.all());
    assert_eq!((seen.restarted, seen.missed), (0, 0));
    assert_eq!(topic.committed(), topic.sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_move_are_read_once_when_members_come_and_leave() {
    let Some(mut topic) = Topic::new("move").await else {
        return;
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let spools = folders.each_ref().map(|folder| open(folder.path()));
    let mut one = run(topic.settings(None), &spools[0]);
    for _ in 0..3 {
        topic.send("lz4", 2_000);
        let two = run(topic.settings(None), &spools[1]);
        until("both have some", || {
            !one.status.get().lags.is_empty() && !two.status.get().lags.is_empty()
        })
        .await;
        topic.send("zstd", 2_000);
        // In the midst of reading.
        one.stop().await;
        one = run(topic.settings(None), &spools[0]);
        topic.send("gzip", 2_000);
        two.stop().await;
    }
    let end = || spools[0].status().end + spools[1].status().end;
    until("all is taken", || end() >= 18_000).await;
    one.stop().await;

    let mut found = texts(&spools[0]).await;
    assert!(spools[1].status().end > 0);
    found.extend(texts(&spools[1]).await);
    assert_exact(&found, &topic.all());
    assert_eq!(topic.committed(), topic.sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_members_with_one_instance_id_the_later_reads_and_the_other_says_why_not() {
    let Some(mut topic) = Topic::new("fenced").await else {
        return;
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let spools = folders.each_ref().map(|folder| open(folder.path()));
    topic.send("none", 40);
    let one = run(topic.settings(Some("same")), &spools[0]);
    until("the first has all", || one.taken() == 40).await;
    until("it is committed", || topic.committed() == topic.sent).await;

    let two = run(topic.settings(Some("same")), &spools[1]);
    let trouble = || one.status.get().trouble;
    until("the first is told", || {
        trouble().is_some_and(|trouble| trouble.contains("each process needs its own"))
    })
    .await;
    topic.send("none", 40);
    until("the second has the rest", || two.taken() == 40).await;
    assert!(two.status.get().trouble.is_none());
    one.stop().await;
    two.stop().await;

    let mut found = texts(&spools[0]).await;
    found.extend(texts(&spools[1]).await);
    assert_exact(&found, &topic.all());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_member_took_comes_again_elsewhere_from_its_last_commit() {
    let Some(mut topic) = Topic::new("elsewhere").await else {
        return;
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    topic.send("none", 5_000);
    let child = start(&topic, &folders[0], "");
    tokio::task::spawn_blocking(move || kill_after(child, 1_000))
        .await
        .unwrap();
    let committed = topic.committed();
    let spools = folders.each_ref().map(|folder| open(folder.path()));
    let first = texts(&spools[0]).await;

    let running = run(topic.settings(None), &spools[1]);
    let rest = 5_000 - u64::try_from(committed.values().sum::<i64>()).unwrap();
    until("the rest is taken", || running.taken() == rest).await;
    running.stop().await;

    let second = texts(&spools[1]).await;
    let union: BTreeSet<String> = first.iter().chain(&second).cloned().collect();
    assert_eq!(union, topic.all());
    let below = |text: &&String| {
        let (partition, n) = text.split_once(' ').unwrap();
        n.parse::<i64>().unwrap() < committed[&partition.parse().unwrap()]
    };
    assert_eq!(second.iter().find(below), None, "below what was committed");
    assert_exact(&second, &second.iter().cloned().collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_deleted_and_made_again_is_read_from_its_beginning() {
    let Some(mut topic) = Topic::new("again").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    let mut expected = 0;
    // Shorter, longer, the same; while nobody reads, and while somebody does. If somebody does, and it is longer
    // at once, its beginning is lost: the library asks for the next offset, and gets it.
    let rounds = [
        (40, false),
        (20, false),
        (60, false),
        (60, false),
        (20, true),
        (8, true),
    ];
    for (count, is_read_meanwhile) in rounds {
        let reads = is_read_meanwhile.then(|| run(topic.settings(None), &spool));
        if let Some(running) = &reads {
            until("it reads", || !running.status.get().lags.is_empty()).await;
        }
        if expected > 0 {
            topic.delete().await;
            topic.make().await;
        }
        topic.send("zstd", count);
        let running = reads.unwrap_or_else(|| run(topic.settings(None), &spool));
        expected += count;
        until("all is taken", || spool.status().end >= expected).await;
        running.stop().await;
        assert_eq!(spool.status().end, expected);
        assert_eq!(topic.committed(), topic.sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_deleted_before_it_was_read_is_counted() {
    let Some(mut topic) = Topic::new("missed").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    topic.send("none", 40);
    let running = run(topic.settings(None), &spool);
    until("all is taken", || running.taken() == 40).await;
    running.stop().await;
    topic.send("none", 40);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic.name, 1, Offset::Offset(17)).unwrap();
    let deleted = topic.admin.delete_records(&list, &AdminOptions::new()).await.unwrap();
    assert!(deleted.elements()[0].error().is_ok());

    let running = run(topic.settings(None), &spool);
    until("the rest is taken", || running.taken() == 33).await;
    let seen = running.stop().await;

    assert_eq!((seen.missed, seen.restarted, seen.repeated), (7, 0, 0));
}
