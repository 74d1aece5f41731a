//! TLS as noq and quinn get it: rustls with aws-lc-rs and its defaults (AES-256-GCM comes first), a
//! self-signed certificate that the client trusts, full handshakes.

use std::sync::Arc;

use anyhow::Result;
use clap::ValueEnum;
use data_encoding::BASE64URL_NOPAD;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
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

/// A configuration of a server, and the certificate in text.
pub(super) fn server(key_exchange: KeyExchange) -> Result<(ServerConfig, String)> {
    let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let certificate = CertificateDer::from(made.cert);
    let credential = BASE64URL_NOPAD.encode(&certificate);
    let mut config = ServerConfig::builder_with_provider(provider(key_exchange))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Nobody resumes here, so making tickets would be work for nothing.
    config.send_tls13_tickets = 0;
    Ok((config, credential))
}

pub(super) fn client(key_exchange: KeyExchange, credential: &str) -> Result<ClientConfig> {
    let certificate = BASE64URL_NOPAD.decode(credential.as_bytes())?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate))?;
    let mut config = ClientConfig::builder_with_provider(provider(key_exchange))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
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
