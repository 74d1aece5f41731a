//! The answer to a request for an upgrade: yes, or what everybody else gets.
//!
//! spec: REACH-5, REACH-7

use super::{
    head::{MAX_HEADERS, header, lists, names, status_of},
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
    pub(crate) fn encode(request: &Request) -> String {
        let accept = request.accept();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\n\
             Connection: Upgrade\r\n\
             Upgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
    }

    /// Reads the head that answers `request`.
    pub(crate) fn decode(head: &[u8], request: &Request) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        match status_of(&mut answer, head) {
            Some(101) => {}
            Some(other) => return Self::Refused(other),
            None => return Self::Foreign,
        }
        let headers = &*answer.headers;
        let is_ours = lists(headers, "Connection", "upgrade")
            && lists(headers, "Upgrade", "websocket")
            && header(headers, "Sec-WebSocket-Accept") == Some(&request.accept())
            && !names(headers, "Sec-WebSocket-Extensions")
            && !names(headers, "Sec-WebSocket-Protocol");
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
        const EXTENSION: &str = "\r\nSec-WebSocket-Extensions: permessage-deflate";
        let request = Request::new([7; 20], [1; 16]);
        assert_eq!(Answer::decode(NOT_FOUND, &request), Answer::Refused(404));
        let with =
            |more: &str| Answer::encode(&request).replace("\r\n\r\n", &format!("{more}\r\n\r\n"));
        let extended = with(EXTENSION);
        let extended_twice = with(&EXTENSION.repeat(2));
        let doubled = Answer::encode(&request).replace("\r\n\r\n", "\n\nA: b\r\n\r\n");
        for nonsense in [
            "",
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 000 x\r\n\r\n",
            &extended,
            &extended_twice,
            &doubled,
        ] {
            assert_eq!(
                Answer::decode(nonsense.as_bytes(), &request),
                Answer::Foreign
            );
        }
    }
}
