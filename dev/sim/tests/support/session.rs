//! A handshake without cryptography: the initiator sends its parameters; the responder answers
//! "here I am" and, one level up, its own parameters; the initiator says "done".

use std::{any::Any, collections::VecDeque, io::Cursor, sync::Arc};

use noq_proto::{
    ConnectError, ConnectionId, Side, TransportError, TransportErrorCode,
    crypto::{
        ClientConfig, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig,
        Session, UnsupportedVersion,
    },
    transport_parameters::TransportParameters,
};

use super::keys::{NullCrypto, TAG_LEN, keys, tag};

impl NullCrypto {
    pub(crate) fn client() -> Arc<dyn ClientConfig> {
        Arc::new(Self)
    }

    pub(crate) fn server() -> Arc<dyn ServerConfig> {
        Arc::new(Self)
    }
}

impl ClientConfig for NullCrypto {
    fn start_session(
        &self,
        _: u32,
        _: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let mut session = NullSession::new(Side::Client, params);
        let own = std::mem::take(&mut session.own_params);
        session.outgoing.push_back((message(&own), None));
        Ok(Box::new(session))
    }
}

impl ServerConfig for NullCrypto {
    fn initial_keys(&self, _: u32, _: ConnectionId) -> Result<Keys, UnsupportedVersion> {
        Ok(keys())
    }

    fn retry_tag(&self, _: u32, orig_dst_cid: ConnectionId, packet: &[u8]) -> [u8; 16] {
        tag(0, &[&orig_dst_cid, packet])
    }

    fn start_session(&self, _: u32, params: &TransportParameters) -> Box<dyn Session> {
        Box::new(NullSession::new(Side::Server, params))
    }
}

struct NullSession {
    side: Side,
    own_params: Vec<u8>,
    peer_params: Option<Vec<u8>>,
    incoming: Vec<u8>,
    received: usize,
    outgoing: VecDeque<(Vec<u8>, Option<Keys>)>,
    is_done: bool,
}

impl NullSession {
    fn new(side: Side, params: &TransportParameters) -> Self {
        let mut own_params = Vec::new();
        params.write(&mut own_params);
        Self {
            side,
            own_params,
            peer_params: None,
            incoming: Vec::new(),
            received: 0,
            outgoing: VecDeque::new(),
            is_done: false,
        }
    }

    fn on_message(&mut self, body: Vec<u8>) {
        self.received += 1;
        match (self.side, self.received) {
            (Side::Server, 1) => {
                self.peer_params = Some(body);
                self.outgoing
                    .push_back((message(b"here I am"), Some(keys())));
                self.outgoing
                    .push_back((message(&self.own_params), Some(keys())));
            }
            (Side::Client, 1) => self.outgoing.push_back((Vec::new(), Some(keys()))),
            (Side::Client, 2) => {
                self.peer_params = Some(body);
                self.outgoing.push_back((message(b"done"), Some(keys())));
                self.is_done = true;
            }
            _ => self.is_done = true,
        }
    }
}

impl Session for NullSession {
    fn initial_keys(&self, _: ConnectionId, _: Side) -> Keys {
        keys()
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.peer_params.is_some().then(|| Box::new(()) as _)
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        None
    }

    fn is_handshaking(&self) -> bool {
        !self.is_done
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        let had_params = self.peer_params.is_some();
        self.incoming.extend_from_slice(buf);
        while let Some((len, rest)) = self.incoming.split_first_chunk() {
            let len = usize::from(u16::from_be_bytes(*len));
            if rest.len() < len {
                break;
            }
            let body = rest[..len].to_vec();
            self.incoming.drain(..2 + len);
            self.on_message(body);
        }
        Ok(!had_params && self.peer_params.is_some())
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(params) = &self.peer_params else {
            return Ok(None);
        };
        TransportParameters::read(self.side, &mut Cursor::new(params))
            .map(Some)
            .map_err(|error| {
                TransportError::new(
                    TransportErrorCode::TRANSPORT_PARAMETER_ERROR,
                    error.to_string(),
                )
            })
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let (bytes, keys) = self.outgoing.pop_front()?;
        buf.extend(bytes);
        keys
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        Some(keys().packet)
    }

    fn is_valid_retry(&self, orig_dst_cid: ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        payload
            .split_last_chunk::<TAG_LEN>()
            .is_some_and(|(token, seal)| {
                tag(0, &[&orig_dst_cid, &[header, token].concat()]) == *seal
            })
    }

    fn export_keying_material(
        &self,
        _: &mut [u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        Err(ExportKeyingMaterialError)
    }
}

fn message(body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap();
    [&len.to_be_bytes(), body].concat()
}
