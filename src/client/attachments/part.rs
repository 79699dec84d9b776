//! A part of a file as it is asked for, and as it comes (RFC 9110, 13 and 14). Pure.

use super::sealed::SEGMENT;
use crate::base::hex;
use crate::client::answer::Failure;
use crate::client::store::downloads::Coming;
use crate::client::transport::{Method, Request, Response};
use crate::protocol::{REPR_DIGEST, digested, path};

/// A question for a part of at most `bytes` from `at` on; of the file that is half here, or of none.
pub(super) fn request(attachment_id: &str, at: u64, bytes: u64, known: Option<&Coming>) -> Request {
    let mut request = Request::new(Method::Get, format!("{}/{attachment_id}", path::ATTACHMENTS));
    request.headers.push(("range", format!("bytes={at}-{}", at + bytes - 1)));
    request.headers.extend(known.map(|coming| ("if-range", coming.tag.clone())));
    request
}

/// A part as it came.
pub(super) struct Part {
    /// Where in the file, in bytes from its start.
    pub(super) offset: u64,
    /// Bytes in the whole file.
    pub(super) total: u64,
    /// The tag of the whole.
    pub(super) tag: String,
    /// The hash of the whole, in small hexadecimal digits.
    pub(super) sha256: String,
    /// It.
    pub(super) bytes: Vec<u8>,
}

impl Part {
    /// An answer to a question for the part at `at`: that part, or all of the file.
    pub(super) fn of(answer: Response, at: u64) -> Result<Self, Failure> {
        let sha256 = digest(&answer)?;
        let tag = answer.header("etag").to_owned();
        let length = answer.body.len() as u64;
        let (offset, total) = match answer.status {
            206 => content_range(answer.header("content-range"))
                .filter(|(from, to, total)| *from == at && to - from + 1 == length && to < total)
                .map(|(from, _, total)| (from, total))
                .ok_or_else(|| Failure::network("the part is not the one that was asked for"))?,
            _ => (0, length),
        };
        Ok(Self { offset, total, tag, sha256, bytes: answer.body })
    }

    /// What of it can be sealed: all of it if the file ends with it, else whole segments.
    pub(super) fn whole_segments(&self, size: u64) -> Result<&[u8], Failure> {
        let ends = self.offset + self.bytes.len() as u64 == size;
        let whole = if ends { self.bytes.len() } else { self.bytes.len() / SEGMENT * SEGMENT };
        if whole == 0 && size > 0 {
            return Err(Failure::network("less came of a file than was asked for"));
        }
        Ok(&self.bytes[..whole])
    }
}

/// The digest that the server names, in small hexadecimal digits.
pub(super) fn digest(answer: &Response) -> Result<String, Failure> {
    let digest = digested(answer.header(REPR_DIGEST)).map(|digest| hex(&digest));
    digest.ok_or_else(|| Failure::network("the answer does not say what the file should be"))
}

/// First byte, last byte and length in `bytes 0-99/1000`.
fn content_range(header: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    let (from, to, total) = (from.parse().ok()?, to.parse().ok()?, total.parse().ok()?);
    (from <= to).then_some((from, to, total))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::protocol::repr_digest;

    fn answer(status: u16, range: &str, length: usize) -> Response {
        let headers = [("etag", "\"a\""), ("content-range", range), (REPR_DIGEST, "")];
        let mut headers: BTreeMap<String, String> =
            headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        headers.insert(REPR_DIGEST.into(), repr_digest(&[1; 32]));
        Response { status, headers, body: vec![0; length], ..Response::default() }
    }

    #[test]
    fn a_part_is_the_one_that_was_asked_for_or_the_whole() {
        let part = Part::of(answer(206, "bytes 100-199/1000", 100), 100).unwrap();
        assert_eq!((part.offset, part.total), (100, 1000));
        let part = Part::of(answer(200, "", 1000), 100).unwrap();
        assert_eq!((part.offset, part.total), (0, 1000), "it has become another");
        for (range, length) in [
            ("bytes 0-99/1000", 100),
            ("bytes 100-199/1000", 99),
            ("bytes 100-199/150", 100),
            ("bytes 199-100/1000", 100),
            ("bytes */1000", 100),
            ("", 100),
        ] {
            assert!(Part::of(answer(206, range, length), 100).is_err(), "{range}");
        }
    }

    #[test]
    fn what_cannot_be_sealed_is_left_off() {
        let sealed = |length: usize, size: u64| {
            let part =
                Part { offset: 0, total: size, tag: String::new(), sha256: String::new(), bytes: vec![0; length] };
            part.whole_segments(size).map(<[u8]>::len).ok()
        };
        assert_eq!(sealed(100, 100), Some(100), "the end");
        assert_eq!(sealed(SEGMENT + 5, 3 * SEGMENT as u64), Some(SEGMENT));
        assert_eq!(sealed(SEGMENT - 1, 3 * SEGMENT as u64), None);
    }
}
