//! TLS as noq and quinn get it: rustls with aws-lc-rs and its defaults (AES-256-GCM comes first),
//! self-signed certificates that the other side trusts, full handshakes.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use data_encoding::BASE64URL_NOPAD;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use serde::Serialize;

/// What noq and quinn agree on keys with. STT always uses X25519 and ML-KEM-768 together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyExchange {
    /// X25519MLKEM768, rustls's first choice.
    Hybrid,
    /// X25519 alone.
    Classical,
}

pub(super) const SERVER_NAME: &str = "localhost";

const PROTOCOL: &[u8] = b"bench";

/// How TLS is set up for noq and quinn.
#[derive(Debug, Clone, Copy, Args, Serialize)]
pub(crate) struct Tls {
    /// Key exchange of noq and quinn. STT's is always hybrid.
    #[arg(long, value_enum, default_value_t = KeyExchange::Hybrid)]
    pub(crate) key_exchange: KeyExchange,
    /// Who shows a certificate to whom with noq and quinn. In STT both sides always prove who they are.
    #[arg(long, value_enum, default_value_t = Certificates::Server)]
    pub(crate) certificates: Certificates,
}

/// Who shows a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Certificates {
    /// The server, as on the web.
    Server,
    /// Both sides.
    Both,
}

/// A certificate and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

/// A configuration of a server, and in text all that its clients must know.
pub(super) fn server(tls: Tls) -> Result<(ServerConfig, String)> {
    let (own, client) = (Identity::generate()?, Identity::generate()?);
    let known = [
        own.certificate.as_ref(),
        client.certificate.as_ref(),
        client.key.secret_pkcs8_der(),
    ];
    let credential = known.map(|bytes| BASE64URL_NOPAD.encode(bytes)).join(".");
    let builder = ServerConfig::builder_with_provider(provider(tls.key_exchange))
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let builder = match tls.certificates {
        Certificates::Server => builder.with_no_client_auth(),
        Certificates::Both => {
            let roots = Arc::new(only(client.certificate)?);
            let provider = provider(tls.key_exchange);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(vec![own.certificate], own.key.into())?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Nobody resumes here, so making tickets would be work for nothing.
    config.send_tls13_tickets = 0;
    Ok((config, credential))
}

/// A self-signed certificate and its key, in PEM.
pub(super) fn pem() -> Result<(String, String)> {
    let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()])?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}

pub(super) fn client(tls: Tls, credential: &str) -> Result<ClientConfig> {
    let parts: Vec<_> = credential
        .split('.')
        .map(|part| BASE64URL_NOPAD.decode(part.as_bytes()))
        .collect::<Result<_, _>>()?;
    let [server, certificate, key] = <[Vec<u8>; 3]>::try_from(parts)
        .map_err(|parts| anyhow!("a credential of {} parts", parts.len()))?;
    let builder = ClientConfig::builder_with_provider(provider(tls.key_exchange))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(only(server.into())?);
    let mut config = match tls.certificates {
        Certificates::Server => builder.with_no_client_auth(),
        Certificates::Both => {
            let key = PrivatePkcs8KeyDer::from(key);
            builder.with_client_auth_cert(vec![certificate.into()], key.into())?
        }
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

impl Identity {
    fn generate() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()])?;
        Ok(Self {
            key: PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()),
            certificate: made.cert.into(),
        })
    }
}

/// The certificates to trust: this one.
fn only(certificate: CertificateDer<'static>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    Ok(roots)
}

fn provider(key_exchange: KeyExchange) -> Arc<CryptoProvider> {
    let group = match key_exchange {
        KeyExchange::Hybrid => aws_lc_rs::kx_group::X25519MLKEM768,
        KeyExchange::Classical => aws_lc_rs::kx_group::X25519,
    };
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![group];
    Arc::new(provider)
}
