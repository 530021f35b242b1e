//! TLS for the doors: a certificate, its key, and who may connect; taken anew when the files change.
//!
//! # Invariants
//! * A connection keeps what it was made with; new ones take the newest files that were good.
//! * Files that are not good are told, once for each change, and change nothing.
//!
//! # Not here
//! Who accepts connections: that is [`crate::tcp`].

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, crypto};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// The largest file, in bytes. A chain of certificates has some kilobytes, a bundle of all public
/// authorities a quarter of this.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// How often the files are looked at. Renewals come weeks before a certificate ends.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where the files lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificates in PEM: the server's own first, then those that link it to an authority.
    pub certificate: PathBuf,
    /// The key of the first certificate, in PEM and without a password.
    pub key: PathBuf,
    /// The authorities in PEM of which a client needs a certificate; without it, anyone may connect.
    pub client_ca: Option<PathBuf>,
}

/// Why files cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {found}, expected {expected}", path.display())]
pub struct TlsError {
    /// The file.
    pub path: PathBuf,
    /// What is in it, or what the system said.
    pub found: String,
    /// What should be in it.
    pub expected: &'static str,
}

const CERTIFICATES: &str = "certificates in PEM (`-----BEGIN CERTIFICATE-----`), the server's own first";
const KEY: &str = "a private key in PEM without a password (`-----BEGIN PRIVATE KEY-----`), of the first certificate";
const AUTHORITIES: &str = "certificates of authorities in PEM (`-----BEGIN CERTIFICATE-----`)";

/// The files of one moment, and what was made of them. Clones share it.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    settings: TlsSettings,
    config: RwLock<Arc<ServerConfig>>,
    /// The hash of the files that were looked at last.
    seen: Mutex<[u8; 32]>,
    problem: Mutex<Option<TlsError>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    pub fn load(settings: TlsSettings) -> Result<Self, TlsError> {
        let files = Files::read(&settings)?;
        let config = files.config(&settings)?;
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                config: RwLock::new(Arc::new(config)),
                seen: Mutex::new(files.hash()),
                problem: Mutex::default(),
            }),
        })
    }

    /// Looks at the files and takes them if they changed and are good; whether they were taken.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let taken = self.look();
        let mut problem = self.inner.problem.lock().unwrap_or_else(PoisonError::into_inner);
        match &taken {
            Ok(Look::Same) => {}
            Ok(Look::New | Look::Restored) => *problem = None,
            Err(error) => *problem = Some(error.clone()),
        }
        taken.map(|look| look == Look::New)
    }

    /// Why the files, as they are, were not taken.
    pub fn problem(&self) -> Option<TlsError> {
        let problem = self.inner.problem.lock().unwrap_or_else(PoisonError::into_inner);
        problem.clone()
    }

    /// Takes the files whenever they changed, until `shutdown`.
    pub async fn watch(self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let (known, tls) = (self.problem(), self.clone());
            let Ok(taken) = tokio::task::spawn_blocking(move || tls.reload()).await else {
                return;
            };
            let certificate = self.inner.settings.certificate.display();
            match taken {
                Ok(true) => info!(%certificate, "new connections get the new certificate"),
                Err(error) if known.as_ref() != Some(&error) => {
                    error!(%error, "the new certificate is not taken; what was in force stays");
                }
                Ok(false) | Err(_) => {}
            }
        }
    }

    /// What shakes hands with a new connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let config = self.inner.config.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config))
    }

    fn look(&self) -> Result<Look, TlsError> {
        let inner = &self.inner;
        let files = Files::read(&inner.settings)?;
        let hash = files.hash();
        let mut seen = inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == hash {
            return Ok(if self.problem().is_some() {
                Look::Restored
            } else {
                Look::Same
            });
        }
        let config = Arc::new(files.config(&inner.settings)?);
        *inner.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        *seen = hash;
        Ok(Look::New)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Same,
    New,
    /// The files are again those that are in force.
    Restored,
}

struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let client_ca = settings.client_ca.as_deref();
        Ok(Self {
            certificate: read(&settings.certificate, CERTIFICATES)?,
            key: read(&settings.key, KEY)?,
            client_ca: client_ca.map(|path| read(path, AUTHORITIES)).transpose()?,
        })
    }

    fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for file in [&self.certificate, &self.key].into_iter().chain(&self.client_ca) {
            hasher.update(blake3::hash(file).as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    fn config(&self, settings: &TlsSettings) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(crypto::ring::default_provider());
        let wrong = |error: &rustls::Error| match error {
            rustls::Error::InvalidCertificate(_) => bad(
                &settings.certificate,
                CERTIFICATES,
                format!("the first one is unusable: {error}"),
            ),
            _ => bad(&settings.key, KEY, format!("not the key of the certificate: {error}")),
        };
        let chain = certificates(&settings.certificate, &self.certificate, CERTIFICATES)?;
        let key = key(&settings.key, &self.key)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?;
        let builder = match (&settings.client_ca, &self.client_ca) {
            (Some(path), Some(pem)) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path, pem)?), provider)
                    .build()
                    .map_err(|error| bad(path, AUTHORITIES, error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        builder.with_single_cert(chain, key).map_err(|error| wrong(&error))
    }
}

fn bad(path: &Path, expected: &'static str, found: String) -> TlsError {
    TlsError {
        path: path.to_owned(),
        found,
        expected,
    }
}

fn read(path: &Path, expected: &'static str) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| bad(path, expected, format!("cannot be opened: {error}")))?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| bad(path, expected, format!("cannot be read: {error}")))?;
    if FILE_BYTES_MAX < u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
        return Err(bad(path, expected, format!("has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn certificates(path: &Path, pem: &[u8], expected: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(path, expected, format!("is not PEM: {error}")))?;
    if found.is_empty() {
        return Err(bad(path, expected, "has no certificate".to_owned()));
    }
    Ok(found)
}

fn key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let has_password = memchr::memmem::find(pem, b"ENCRYPTED").is_some();
        let found = match error {
            _ if has_password => "the key has a password".to_owned(),
            pem::Error::NoItemsFound => "has no key".to_owned(),
            error => format!("is not PEM: {error}"),
        };
        bad(path, KEY, found)
    })
}

fn roots(path: &Path, pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem, AUTHORITIES)? {
        roots
            .add(certificate)
            .map_err(|error| bad(path, AUTHORITIES, format!("one is unusable: {error}")))?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
