//! The head of an HTTP message, read from a stream within a bound.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads until the empty line that ends a head. Returns the head and what came behind it.
///
/// # Errors
///
/// `UnexpectedEof` when the stream ends first, `InvalidData` when the head is longer than
/// [`MAX_HEAD`].
pub(crate) async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut read = Vec::with_capacity(1_024);
    let mut searched = 0;
    loop {
        if let Some(end) = end_of_head(&read, searched) {
            let rest = read.split_off(end);
            return Ok((read, rest));
        }
        searched = read.len();
        if read.len() >= MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let room = MAX_HEAD - read.len();
        if (&mut *stream).take(room as u64).read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Looks only where the end can be new.
fn end_of_head(read: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(END.len() - 1);
    let found = read
        .get(from..)?
        .windows(END.len())
        .position(|at| at == END);
    Some(from + found? + END.len())
}

/// The status of an answer, if `head` is the head of one and nothing else.
pub(super) fn status_of<'h>(
    answer: &mut httparse::Response<'_, 'h>,
    head: &'h [u8],
) -> Option<u16> {
    match answer.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {
            answer.code.filter(|status| *status >= 100)
        }
        _ => None,
    }
}

/// The value of the header of this name, if there is exactly one.
pub(super) fn header<'h>(headers: &[httparse::Header<'h>], name: &str) -> Option<&'h str> {
    let mut named = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name));
    let value = std::str::from_utf8(named.next()?.value).ok()?;
    named.next().is_none().then_some(value.trim())
}

/// Whether there is a header of this name, whatever it says and however often.
pub(super) fn names(headers: &[httparse::Header<'_>], name: &str) -> bool {
    headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case(name))
}

/// Whether a list of tokens, as of `Connection`, has this one.
pub(super) fn lists(headers: &[httparse::Header<'_>], name: &str, token: &str) -> bool {
    headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(token))
}

const END: &[u8] = b"\r\n\r\n";

/// spec: REACH-6
pub(super) const MAX_HEAD: usize = 8 << 10;

/// Headers of one head.
pub(super) const MAX_HEADERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_ends_at_the_empty_line_and_what_follows_is_kept() {
        let mut drip = tokio_test(&[b"GET / HTTP/1.1\r\n\r", b"\nrest"]);
        let (head, rest) = read_head(&mut drip).await.unwrap();
        assert_eq!(head, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(rest, b"rest");
    }

    #[tokio::test]
    async fn a_head_without_end_is_given_up_at_the_bound() {
        let error = read_head(&mut tokio::io::repeat(b'x')).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let error = read_head(&mut &b"GET"[..]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    /// A stream that yields the pieces one at a time.
    fn tokio_test(pieces: &[&'static [u8]]) -> impl AsyncRead + Unpin {
        let mut whole: Box<dyn AsyncRead + Unpin> = Box::new(&b""[..]);
        for piece in pieces {
            whole = Box::new(whole.chain(*piece));
        }
        whole
    }
}
