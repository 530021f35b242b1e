use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;
use crate::Listener;
use crate::tcp::Connection;
use crate::testing::{Authority, Identity, connect_tls};

struct Bench {
    folder: TempDir,
    authority: Authority,
    tls: Tls,
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

/// A listener that sends back what it gets.
async fn bench(client_ca: bool) -> Bench {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let settings = authority.issue().write(folder.path(), client_ca.then_some(&authority));
    let tls = Tls::load(settings).unwrap();
    let listener = Listener::bind("echo", "127.0.0.1:0".parse().unwrap(), Some(tls.clone()))
        .await
        .unwrap();
    let (address, shutdown) = (listener.address().unwrap(), CancellationToken::new());
    let echo = |mut connection: Connection| async move {
        let mut buffer = [0; 16];
        while let Ok(count @ 1..) = connection.stream.read(&mut buffer).await {
            connection.stream.write_all(&buffer[..count]).await.unwrap();
            connection.stream.flush().await.unwrap();
        }
    };
    let running = tokio::spawn(listener.run(shutdown.clone(), echo));
    Bench {
        folder,
        authority,
        tls,
        address,
        shutdown,
        running,
    }
}

async fn echoes(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> std::io::Result<()> {
    stream.write_all(b"hello").await?;
    let mut buffer = [0; 5];
    stream.read_exact(&mut buffer).await?;
    assert_eq!(&buffer, b"hello");
    Ok(())
}

impl Bench {
    async fn check(&self, authority: &Authority, client: Option<&Identity>) -> std::io::Result<()> {
        echoes(&mut connect_tls(self.address, authority, client).await?).await
    }
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_connects_and_plain_bytes_do_not() {
    let bench = bench(false).await;

    bench.check(&bench.authority, None).await.unwrap();
    let stranger = bench.check(&Authority::new(), None).await.unwrap_err();
    assert!(stranger.to_string().contains("UnknownIssuer"), "{stranger}");
    let mut plain = tokio::net::TcpStream::connect(bench.address).await.unwrap();
    plain.write_all(b"<34>hello\n").await.unwrap();
    let mut said = Vec::new();
    drop(plain.read_to_end(&mut said).await);
    assert!(
        said.first().is_none_or(|first| *first == 21),
        "an alert at most: {said:?}"
    );
    bench.shutdown.cancel();
    bench.running.await.unwrap();
}

#[tokio::test]
async fn a_client_needs_a_certificate_of_the_authority_when_one_is_set() {
    let bench = bench(true).await;
    let (good, wrong) = (bench.authority.issue(), Authority::new().issue());

    bench.check(&bench.authority, Some(&good)).await.unwrap();
    let missing = bench.check(&bench.authority, None).await.unwrap_err();
    assert!(missing.to_string().contains("CertificateRequired"), "{missing}");
    let wrong = bench.check(&bench.authority, Some(&wrong)).await.unwrap_err();
    assert!(wrong.to_string().contains("alert"), "{wrong}");
    bench.check(&bench.authority, Some(&good)).await.unwrap();
}

#[tokio::test]
async fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let bench = bench(false).await;
    let mut old = connect_tls(bench.address, &bench.authority, None).await.unwrap();
    echoes(&mut old).await.unwrap();
    assert_eq!(bench.tls.reload(), Ok(false), "nothing changed");

    let next = Authority::new();
    next.issue().write(bench.folder.path(), None);
    assert_eq!(bench.tls.reload(), Ok(true));

    echoes(&mut old).await.unwrap();
    bench.check(&next, None).await.unwrap();
    assert!(bench.check(&bench.authority, None).await.is_err());
    assert_eq!(bench.tls.reload(), Ok(false));
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_is_told() {
    let bench = bench(false).await;
    let key = bench.folder.path().join("server.key");
    let good = std::fs::read(&key).unwrap();

    std::fs::write(&key, Authority::new().issue().key).unwrap();
    let error = bench.tls.reload().unwrap_err();

    assert_eq!(error.path, key);
    assert!(error.found.contains("not the key of the certificate"), "{error}");
    assert_eq!(bench.tls.problem(), Some(error));
    bench.check(&bench.authority, None).await.unwrap();
    std::fs::remove_file(&key).unwrap();
    assert!(bench.tls.reload().unwrap_err().found.starts_with("cannot be opened"));
    std::fs::write(&key, good).unwrap();
    assert_eq!(bench.tls.reload(), Ok(false), "the files are those in force again");
    assert_eq!(bench.tls.problem(), None);
}

#[test]
fn an_error_names_the_file_and_what_was_expected() {
    let authority = Authority::new();
    let Identity { certificate, key } = authority.issue();
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let broken = certificate.replace("MII", "A*I");
    let not_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let huge = "#".repeat(1024 * 1024 + 1);
    let cases: &[(&str, &str, &str)] = &[
        (
            "server.pem",
            "",
            "server.pem: has no certificate, expected certificates in PEM",
        ),
        ("server.pem", &key, "server.pem: has no certificate, expected"),
        ("server.pem", &broken, "server.pem: is not PEM: "),
        ("server.pem", &not_x509, "server.pem: the first one is unusable: "),
        ("server.pem", &huge, "server.pem: has more than 1048576 bytes, expected"),
        (
            "server.key",
            "",
            "server.key: has no key, expected a private key in PEM",
        ),
        (
            "server.key",
            &encrypted,
            "server.key: the key has a password, expected a private key in PEM without",
        ),
        ("server.key", &certificate, "server.key: has no key, expected"),
        (
            "clients.pem",
            "",
            "clients.pem: has no certificate, expected certificates of authorities",
        ),
        ("clients.pem", &not_x509, "clients.pem: one is unusable: "),
    ];
    for (file, text, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let settings = authority.issue().write(folder.path(), Some(&authority));
        std::fs::write(folder.path().join(file), text).unwrap();
        let error = Tls::load(settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
}

#[test]
fn printing_shows_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Authority::new().issue();
    let tls = Tls::load(identity.write(folder.path(), None)).unwrap();
    let printed = format!("{tls:?} {:?}", Arc::new(tls.clone()));
    assert!(!printed.contains(identity.key.lines().nth(1).unwrap()));
}
