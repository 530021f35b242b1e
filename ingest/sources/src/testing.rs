//! What tests of all doors need.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use sekisho_model::Time;
use sekisho_pipeline::{Frame, FrameBody, Log, Records};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Spool, SpoolSettings, TlsSettings};

/// When everything in tests happens.
pub(crate) const NOW: Time = Time::from_secs(1_790_000_000);

/// A spool in `folder`.
pub(crate) fn spool(folder: &Path, quota_bytes: u64) -> Spool {
    let settings = SpoolSettings {
        quota_bytes,
        ..SpoolSettings::new(folder)
    };
    Spool::open(settings).unwrap()
}

/// All frames from `from` on; waits for none.
pub(crate) async fn frames(spool: &Spool, from: i64) -> Vec<Frame> {
    let mut reader = spool.reader();
    let mut frames: Vec<Frame> = Vec::new();
    let mut from = from;
    while from < spool.status().end {
        frames.extend(reader.read(from, 3).await.unwrap());
        from = frames.last().unwrap().end();
    }
    frames
}

/// The records of all frames that have some.
pub(crate) async fn stored(spool: &Spool) -> Vec<Records> {
    let records = |frame: Frame| match frame.body {
        FrameBody::Records(records) => Some(records),
        FrameBody::Tick | FrameBody::Context(_) => None,
    };
    frames(spool, 0).await.into_iter().filter_map(records).collect()
}

/// All records, as text.
pub(crate) async fn texts(spool: &Spool) -> Vec<String> {
    let stored = stored(spool).await;
    let records = stored.iter().flat_map(|records| &records.records);
    records
        .map(|record| String::from_utf8_lossy(record).into_owned())
        .collect()
}

/// A stream on which everything that comes is there at once and then ends, and which keeps what it
/// is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) sent: Arc<std::sync::Mutex<Vec<u8>>>,
    chunks: Arc<std::sync::Mutex<std::collections::VecDeque<Vec<u8>>>>,
}

impl Script {
    pub(crate) fn new<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty());
        Self {
            sent: Arc::default(),
            chunks: Arc::new(std::sync::Mutex::new(chunks.map(<[u8]>::to_vec).collect())),
        }
    }

    pub(crate) fn answers(&self) -> Vec<u8> {
        self.sent.lock().unwrap().clone()
    }
}

impl AsyncRead for Script {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut chunks = self.chunks.lock().unwrap();
        if let Some(chunk) = chunks.pop_front() {
            let (now, later) = chunk.split_at(chunk.len().min(buffer.remaining()));
            buffer.put_slice(now);
            if !later.is_empty() {
                chunks.push_front(later.to_vec());
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sent.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// An authority for certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let name = blake3::hash(key.der_bytes()).to_hex();
        params.distinguished_name.push(DnType::CommonName, name.as_str());
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `localhost`.
    pub(crate) fn issue(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        Identity {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Identity {
    /// Writes the files of a server; `client_ca` if clients need a certificate.
    pub(crate) fn write(&self, folder: &Path, client_ca: Option<&Authority>) -> TlsSettings {
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        };
        TlsSettings {
            certificate: write("server.pem", &self.certificate),
            key: write("server.key", &self.key),
            client_ca: client_ca.map(|authority| write("clients.pem", &authority.certificate())),
        }
    }
}

/// Connects as a client that trusts `authority`, and shakes hands. Whether the server takes the
/// client's certificate is seen by the first read.
pub(crate) async fn connect_tls(
    address: std::net::SocketAddr,
    authority: &Authority,
    client: Option<&Identity>,
) -> io::Result<TlsStream<TcpStream>> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&authority.certificate())).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => builder
            .with_client_auth_cert(
                vec![certificate(&client.certificate)],
                PrivateKeyDer::from_pem_slice(client.key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}
