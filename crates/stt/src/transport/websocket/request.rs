//! The request for an upgrade: a path that ends in a tag, and what RFC 6455 section 4.1 asks for.
//!
//! spec: REACH-2, REACH-3, REACH-4

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER};

use super::{
    head::{MAX_HEADERS, header, lists},
    url::Url,
};

/// What shows that the asker is a member; at an open door, random bytes of the same length.
pub(crate) type Tag = [u8; TAG_LEN];

/// Length of a tag in bytes.
pub(crate) const TAG_LEN: usize = 20;

/// What a request for an upgrade says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) tag: Tag,
    /// `Sec-WebSocket-Key`, as it was sent.
    pub(crate) key: String,
}

impl Request {
    pub(crate) fn new(tag: Tag, nonce: [u8; 16]) -> Self {
        let key = BASE64.encode(&nonce);
        Self { tag, key }
    }

    /// The head to send to `url`.
    pub(crate) fn encode(&self, url: &Url) -> String {
        let (prefix, authority) = (&url.prefix, url.authority());
        let (tag, key) = (HEXLOWER.encode(&self.tag), &self.key);
        format!(
            "GET {prefix}/{tag} HTTP/1.1\r\n\
             Host: {authority}\r\n\
             Connection: Upgrade\r\n\
             Upgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {key}\r\n\r\n"
        )
    }

    /// Reads a head; `None` for whatever is no request for an upgrade with a tag.
    pub(crate) fn decode(head: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if !matches!(request.parse(head), Ok(httparse::Status::Complete(length)) if length == head.len())
        {
            return None;
        }
        let is_get = request.method == Some("GET") && request.version == Some(1);
        let headers = &*request.headers;
        let is_upgrade = lists(headers, "Connection", "upgrade")
            && lists(headers, "Upgrade", "websocket")
            && header(headers, "Sec-WebSocket-Version") == Some("13")
            && header(headers, "Host").is_some();
        if !is_get || !is_upgrade {
            return None;
        }
        let key = header(headers, "Sec-WebSocket-Key")?;
        let nonce = BASE64.decode(key.as_bytes()).ok()?;
        (nonce.len() == NONCE_LEN).then_some(())?;
        let (_, tag) = request.path?.rsplit_once('/')?;
        let tag = HEXLOWER.decode(tag.as_bytes()).ok()?.try_into().ok()?;
        let key = key.to_owned();
        Some(Self { tag, key })
    }

    /// What `Sec-WebSocket-Accept` answers to this key (RFC 6455 section 4.2.2). Its hash proves
    /// nothing to anybody; the RFC chose it.
    pub(super) fn accept(&self) -> String {
        let mut answered = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        answered.update(self.key.as_bytes());
        answered.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        BASE64.encode(answered.finish().as_ref())
    }
}

const NONCE_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded() -> String {
        let url: Url = "ws://example:7/some/prefix".parse().unwrap();
        Request::new([7; TAG_LEN], [1; 16]).encode(&url)
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let decoded = Request::decode(encoded().as_bytes());
        assert_eq!(decoded, Some(Request::new([7; TAG_LEN], [1; 16])));
    }

    #[test]
    fn the_answer_to_the_key_of_the_rfc_is_that_of_the_rfc() {
        let request = Request {
            tag: [0; TAG_LEN],
            key: "dGhlIHNhbXBsZSBub25jZQ==".into(),
        };
        assert_eq!(request.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn whatever_is_no_upgrade_with_a_tag_is_not_told_apart() {
        let good = encoded();
        let tag = HEXLOWER.encode(&[7; TAG_LEN]);
        for bad in [
            good.replace("GET", "POST"),
            good.replace("HTTP/1.1", "HTTP/1.0"),
            good.replace("Upgrade: websocket\r\n", ""),
            good.replace("Connection: Upgrade\r\n", ""),
            good.replace("Host: example:7\r\n", ""),
            good.replace(": 13", ": 8"),
            good.replace("AQEB", "A"),
            good.replace(&tag, &tag[2..]),
            good.replace(&tag, &format!("{tag}00")),
            good.replace(&tag, &tag.to_uppercase().replace('0', "G")),
            good.replace(&tag, ""),
            good.replace(&tag, &format!("{tag}?x=y")),
            good.replace("\r\n\r\n", "\r\n"),
            "garbage\r\n\r\n".into(),
            String::new(),
        ] {
            assert_ne!(bad, good);
            assert_eq!(Request::decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
