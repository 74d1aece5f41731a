//! The answer to a request for an upgrade: yes, or what everybody else gets.
//!
//! spec: REACH-5, REACH-7

use super::{
    head::{MAX_HEADERS, header, lists},
    request::Request,
};

/// What everybody gets who is not let in, whatever they asked: a server that has nothing.
pub(super) const NOT_FOUND: &[u8] =
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What a dialler made of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The stream is a WebSocket from here on.
    Upgraded,
    /// Another status than 101.
    Refused(u16),
    /// No HTTP, or an upgrade to something else.
    Foreign,
}

impl Answer {
    /// The head that lets the asker of `request` in.
    pub(super) fn encode(request: &Request) -> String {
        let accept = request.accept();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\n\
             Connection: Upgrade\r\n\
             Upgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
    }

    /// Reads the head that answers `request`.
    pub(super) fn decode(head: &[u8], request: &Request) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(_)) = answer.parse(head) else {
            return Self::Foreign;
        };
        let headers = &*answer.headers;
        match answer.code {
            Some(101) => {}
            Some(other) => return Self::Refused(other),
            None => return Self::Foreign,
        }
        let is_ours = lists(headers, "Connection", "upgrade")
            && lists(headers, "Upgrade", "websocket")
            && header(headers, "Sec-WebSocket-Accept") == Some(&request.accept())
            && header(headers, "Sec-WebSocket-Extensions").is_none()
            && header(headers, "Sec-WebSocket-Protocol").is_none();
        if is_ours {
            Self::Upgraded
        } else {
            Self::Foreign
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_the_request_it_answers_and_no_other() {
        let request = Request::new([7; 20], [1; 16]);
        let answer = Answer::encode(&request);
        assert_eq!(
            Answer::decode(answer.as_bytes(), &request),
            Answer::Upgraded
        );
        let another = Request::new([7; 20], [2; 16]);
        assert_eq!(Answer::decode(answer.as_bytes(), &another), Answer::Foreign);
    }

    #[test]
    fn a_refusal_says_its_status_and_nonsense_is_foreign() {
        let request = Request::new([7; 20], [1; 16]);
        assert_eq!(Answer::decode(NOT_FOUND, &request), Answer::Refused(404));
        let extended = Answer::encode(&request).replace(
            "\r\n\r\n",
            "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        );
        for nonsense in ["", "SSH-2.0-x\r\n\r\n", &extended] {
            assert_eq!(
                Answer::decode(nonsense.as_bytes(), &request),
                Answer::Foreign
            );
        }
    }
}
