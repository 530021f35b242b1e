//! The same over TLS: with a password, as Azure Event Hubs asks for it, and with a certificate.

use std::path::PathBuf;

use sekisho_sources::kafka::{KafkaPassword, KafkaSasl, KafkaTls, SaslMechanism};

use super::*;

/// Names the folder of the certificates that `tests/kafka-broker.sh` made.
const FOLDER_VARIABLE: &str = "SEKISHO_KAFKA_TLS";

/// What the broker knows; see there.
const USER: &str = "$ConnectionString";
const PASSWORD: &str = "Endpoint=sb://test.example/;SharedAccessKeyName=listen;SharedAccessKey=c2VjcmV0";

/// Where the broker listens, from its port in the clear on.
const WITH_PASSWORD: u16 = 2;
const WITH_CERTIFICATE: u16 = 3;

fn file(name: &str) -> PathBuf {
    Path::new(&variable(FOLDER_VARIABLE).unwrap()).join(name)
}

fn listener(topic: &Topic, host: &str, place: u16) -> String {
    let (_, port) = topic.broker.rsplit_once(':').unwrap();
    format!("{host}:{}", port.parse::<u16>().unwrap() + place)
}

fn trusting(authority: &str) -> KafkaTls {
    KafkaTls {
        ca: Some(file(authority)),
        client: None,
    }
}

fn sasl(mechanism: SaslMechanism, user: &str, password: &str) -> KafkaSasl {
    KafkaSasl {
        mechanism,
        user: user.to_owned(),
        password: KafkaPassword::new(password),
    }
}

/// Over TLS, with the right password, as Event Hubs wants it.
fn with_password(topic: &Topic) -> KafkaSettings {
    KafkaSettings {
        brokers: vec![listener(topic, "localhost", WITH_PASSWORD)],
        security: KafkaSecurity {
            tls: Some(trusting("authority.pem")),
            sasl: Some(sasl(SaslMechanism::Plain, USER, PASSWORD)),
            allow_plaintext: false,
        },
        ..topic.settings(None)
    }
}

fn with_certificate(topic: &Topic) -> KafkaSettings {
    let tls = KafkaTls {
        ca: Some(file("authority.pem")),
        client: Some((file("client.pem"), file("client.key"))),
    };
    KafkaSettings {
        brokers: vec![listener(topic, "localhost", WITH_CERTIFICATE)],
        security: KafkaSecurity {
            tls: Some(tls),
            ..KafkaSecurity::default()
        },
        ..topic.settings(None)
    }
}

/// Sends over TLS, with the password.
fn send(topic: &Topic, value: &str) {
    let producer: BaseProducer = config(&listener(topic, "localhost", WITH_PASSWORD))
        .set("security.protocol", "sasl_ssl")
        .set("ssl.ca.location", file("authority.pem").display().to_string())
        .set("sasl.mechanism", "PLAIN")
        .set("sasl.username", USER)
        .set("sasl.password", PASSWORD)
        .create()
        .unwrap();
    let record = BaseRecord::<(), str>::to(&topic.name).partition(0).payload(value);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(SOON).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_read_over_tls_with_a_password_and_with_a_certificate() {
    let Some(topic) = Topic::new("tls").await else {
        return;
    };
    let scram = KafkaSettings {
        security: KafkaSecurity {
            sasl: Some(sasl(SaslMechanism::ScramSha256, "scram", "secret")),
            ..with_password(&topic).security
        },
        ..with_password(&topic)
    };
    // What Azure Monitor writes into one message.
    send(
        &topic,
        r#"{"records": [{"category": "SignInLogs", "n": 1}, {"category": "SignInLogs", "n": 2}]}"#,
    );
    for (way, settings) in [
        ("password", with_password(&topic)),
        ("SCRAM", scram),
        ("certificate", with_certificate(&topic)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let spool = open(folder.path());
        let group = format!("{}{way}", topic.name);
        let running = run(KafkaSettings { group, ..settings }, &spool);
        until(way, || running.taken() == 2).await;
        running.stop().await;

        let expected = [1, 2].map(|n| format!(r#"{{"category": "SignInLogs", "n": {n}}}"#));
        assert_eq!(texts(&spool).await, expected, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_tls_is_told_with_what_to_do() {
    let Some(topic) = Topic::new("tlswrong").await else {
        return;
    };
    let right = with_password(&topic);
    let change = |change: &dyn Fn(&mut KafkaSettings)| {
        let mut settings = right.clone();
        change(&mut settings);
        settings
    };
    let cases = [
        (
            change(&|settings| settings.security.tls = Some(trusting("stranger.pem"))),
            "if an authority of your own signed it",
        ),
        (
            change(&|settings| settings.brokers = vec![listener(&topic, "127.0.0.1", WITH_PASSWORD)]),
            "name the brokers as their certificates do",
        ),
        (
            change(&|settings| settings.security.sasl = Some(sasl(SaslMechanism::Plain, USER, "Endpoint=sb://wrong/"))),
            "do not accept the user and password",
        ),
        (
            change(&|settings| settings.security.sasl = Some(sasl(SaslMechanism::ScramSha256, "scram", "wrong"))),
            "do not accept the user and password",
        ),
        (
            change(&|settings| {
                settings.brokers = vec![listener(&topic, "localhost", WITH_CERTIFICATE)];
                settings.security.sasl = None;
            }),
            "want a certificate of ours",
        ),
        (
            change(&|settings| settings.brokers = vec![topic.broker.clone()]),
            "the port speaks no TLS",
        ),
        (
            change(&|settings| settings.security = KafkaSecurity::default()),
            "one that expects TLS closes plain connections",
        ),
    ];
    for (settings, advice) in cases {
        let folder = tempfile::tempdir().unwrap();
        let spool = open(folder.path());
        let running = run(settings, &spool);
        let is_told = || {
            running
                .status
                .get()
                .trouble
                .is_some_and(|trouble| trouble.contains(advice))
        };
        until(advice, is_told).await;
        // What follows from it does not take its place.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(is_told(), "{:?}, expected {advice}", running.status.get().trouble);
        running.stop().await;
        assert_eq!(spool.status().end, 0);
    }
}
