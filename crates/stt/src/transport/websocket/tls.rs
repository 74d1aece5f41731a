//! TLS around a WebSocket: clothing, which hides that it is one and gets it through proxies.
//!
//! Who is at the other end is proved by STC and not by a certificate, so to take any certificate
//! gives no one more than a network without TLS would.

use std::{error::Error, fmt, io, sync::Arc};

use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        self, ClientConfig, RootCertStore, ServerConfig, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    },
};

use super::{certificates::Certificates, dial::WebSocketError};
use crate::transport::stream::BoxedStream;

/// The certificate a listener shows, and its key.
#[derive(Clone)]
pub struct TlsIdentity(Arc<ServerConfig>);

/// Why a certificate and a key are no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsIdentityError {
    /// No certificate can be read.
    #[error("no certificate can be read")]
    Certificate,
    /// No private key can be read.
    #[error("no private key can be read")]
    Key,
    /// The two don't fit each other, or can't be used.
    #[error("certificate and key can't be used: {0}")]
    Unusable(#[source] Box<dyn Error + Send + Sync>),
}

impl TlsIdentity {
    /// Reads PEM: the certificate and those that lead to its root, and the private key of the first.
    ///
    /// # Errors
    ///
    /// [`TlsIdentityError`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsIdentityError> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(TlsIdentityError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsIdentityError::Key)?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| TlsIdentityError::Unusable(error.into()))?;
        config.alpn_protocols = vec![HTTP.to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Shows the certificate to whoever connected.
    pub(crate) async fn accept(&self, stream: BoxedStream) -> io::Result<BoxedStream> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0));
        Ok(Box::new(acceptor.accept(stream).await?))
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity")
    }
}

/// Dresses a stream to `host`, whose certificate must be one of `certificates`.
pub(super) async fn connect(
    stream: BoxedStream,
    host: &str,
    certificates: &Certificates,
) -> Result<BoxedStream, WebSocketError> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|error| WebSocketError::Tls(io::Error::other(error)))?;
    let config = client_config(certificates);
    let config = config.map_err(|error| WebSocketError::Tls(io::Error::other(error)))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream);
    Ok(Box::new(connected.await.map_err(WebSocketError::Tls)?))
}

fn client_config(certificates: &Certificates) -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous();
    let verifier: Arc<dyn ServerCertVerifier> = match certificates {
        Certificates::Any => Arc::new(AnyCertificate(provider().signature_verification_algorithms)),
        Certificates::Below(roots) => below(roots)?,
        Certificates::OfTheSystem => Arc::new(rustls_platform_verifier::Verifier::new(provider())?),
    };
    let config = config.with_custom_certificate_verifier(verifier);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![HTTP.to_vec()];
    Ok(config)
}

fn below(pem: &[u8]) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| rustls::Error::General(error.to_string()))?;
        roots.add(certificate)?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    match verifier {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(rustls::Error::General(error.to_string())),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Takes any certificate; that the peer holds its key is still checked.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// A WebSocket is asked for in HTTP/1.1.
const HTTP: &[u8] = b"http/1.1";
