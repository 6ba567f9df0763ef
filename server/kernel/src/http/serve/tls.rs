//! The certificate, read again when its files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::ServeError;

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The certificate by which the server is known: section `[http.tls]`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The file of the certificate and of those that signed it; empty: connections are not encrypted here.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
}

impl TlsConfig {
    /// Whether connections are encrypted here, and by a certificate and a key that can be used.
    ///
    /// # Errors
    /// [`ServeError::Tls`] when they cannot.
    pub fn check(&self) -> Result<bool, ServeError> {
        Ok(Tls::load(self)?.is_some())
    }
}

/// Encrypts connections.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    files: TlsConfig,
    current: Arc<Current>,
}

/// What new connections are shown.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// What tells that a file is another one now.
type Seen = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads the certificate, if there is one.
    ///
    /// # Errors
    /// [`ServeError::Tls`] when it cannot be used.
    pub(super) fn load(files: &TlsConfig) -> Result<Option<Self>, ServeError> {
        if files.certificate.as_os_str().is_empty() && files.key.as_os_str().is_empty() {
            return Ok(None);
        }
        let current = Arc::new(Current(RwLock::new(Arc::new(read(files)?))));
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| problem(&files.certificate, &error))?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            files: files.clone(),
            current,
        }))
    }

    /// Looks after the files for ever. Connections that are there keep what they were shown; a
    /// pair that cannot be used, such as one that is half written, is tried again.
    pub(super) async fn keep_fresh(self) {
        let mut seen = self.look().await;
        let mut refused = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.look().await;
            if now == seen {
                continue;
            }
            let files = self.files.clone();
            match tokio::task::spawn_blocking(move || read(&files)).await {
                Ok(Ok(key)) => {
                    let mut current = self
                        .current
                        .0
                        .write()
                        .unwrap_or_else(PoisonError::into_inner);
                    *current = Arc::new(key);
                    (seen, refused) = (now, None);
                    tracing::info!("the certificate was read again");
                }
                Ok(Err(error)) => {
                    if refused != Some(now) {
                        tracing::error!(%error, "the new certificate cannot be used, the old one is kept");
                    }
                    refused = Some(now);
                }
                Err(error) => tracing::error!(%error, "the new certificate was not read"),
            }
        }
    }

    async fn look(&self) -> Seen {
        let mut seen = [None, None];
        for (path, seen) in [&self.files.certificate, &self.files.key]
            .into_iter()
            .zip(&mut seen)
        {
            let found = tokio::fs::metadata(path).await.ok();
            *seen = found.and_then(|found| Some((found.modified().ok()?, found.len())));
        }
        seen
    }
}

fn problem(path: &Path, problem: &dyn std::fmt::Display) -> ServeError {
    ServeError::Tls {
        path: path.display().to_string(),
        problem: problem.to_string(),
    }
}

/// The certificate and its key, which must belong together.
fn read(files: &TlsConfig) -> Result<CertifiedKey, ServeError> {
    let (certificate, key) = (&files.certificate, &files.key);
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(certificate, &error))?;
    if chain.is_empty() {
        return Err(problem(certificate, &"it holds no certificate"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| problem(key, &error))?;
    // Fails if they do not belong together.
    CertifiedKey::from_der(chain, secret, &ring::default_provider())
        .map_err(|error| problem(key, &error))
}
