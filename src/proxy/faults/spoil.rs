//! Ways in which a good answer arrives damaged. The server has done its work all the same.

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use hyper::http::response;

use super::Entry;
use crate::protocol::{MAX_INFLATED_BODY, gzip};
use crate::proxy::script::{End, Piece, Script, head_text};

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// Its body is gone.
    Empty,
    /// Its body ends early, and the head says that this is all.
    Half(At),
    /// The connection ends within its body, short of its `Content-Length`.
    CutOff(At),
    /// Nothing more comes from within its body on, on an open connection.
    Stalled(At),
    /// Its `Content-Length` ends it early, and the rest lies on the connection before the next answer.
    Overlong(At),
    /// The connection ends within its head.
    CutInHead(At),
    /// It comes in chunks, and the connection ends within one.
    CutInChunk,
    /// It comes in chunks, and the second one's length is no number.
    BadChunk,
    /// In its place come bytes that are no HTTP; then the connection ends.
    Garbage,
    /// It is gzip-coded, and unpacks to something else than was packed.
    BadGzip,
    /// It is whole, and called a page for people.
    Mislabelled,
}

/// A place in something that has a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Half of it.
    Middle,
    /// So many bytes from its start, and within it.
    Byte(u64),
}

impl At {
    pub(super) fn of(self, length: usize) -> usize {
        match self {
            Self::Middle => length / 2,
            Self::Byte(byte) => usize::try_from(byte).unwrap_or(usize::MAX).min(length.saturating_sub(1)),
        }
    }
}

/// A damaged answer.
pub(in crate::proxy) enum Damaged {
    /// It is well-formed still.
    Answer((response::Parts, Bytes)),
    /// It is not.
    Script(Script),
}

impl Spoil {
    /// What arrives in place of the answer of `head` and `body`, whose head has its `Content-Length`.
    pub(in crate::proxy) fn of(self, mut head: response::Parts, body: Bytes) -> Damaged {
        let (bytes, end) = match self {
            Self::Empty => return shortened(head, Bytes::new()),
            Self::Half(at) => return shortened(head, body.slice(..at.of(body.len()))),
            Self::Mislabelled => {
                head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                return Damaged::Answer((head, body));
            }
            Self::BadGzip => return bad_gzip(head, &body),
            Self::CutOff(at) => ([&head_text(&head), &body[..at.of(body.len())]].concat(), End::Cut),
            Self::Stalled(at) => ([&head_text(&head), &body[..at.of(body.len())]].concat(), End::Silence),
            Self::Overlong(at) => {
                head.headers.insert(CONTENT_LENGTH, at.of(body.len()).into());
                ([&head_text(&head), &body[..]].concat(), End::Keep)
            }
            Self::CutInHead(at) => {
                let head = head_text(&head);
                (head[..at.of(head.len())].to_vec(), End::Cut)
            }
            Self::CutInChunk | Self::BadChunk => {
                head.headers.remove(CONTENT_LENGTH);
                head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                (chunked(&head_text(&head), &body, self == Self::BadChunk), End::Cut)
            }
            // As little HTTP as anything, and the same in every run.
            Self::Garbage => ([&head_text(&head), &body[..]].concat().iter().map(|byte| !byte).collect(), End::Cut),
        };
        Damaged::Script(Script { pieces: vec![Piece::whole(bytes.into())], end })
    }
}

fn shortened(mut head: response::Parts, body: Bytes) -> Damaged {
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    Damaged::Answer((head, body))
}

/// Half of the body in a good chunk; the rest behind a length that is none, or short of its length.
fn chunked(head: &[u8], body: &[u8], bad: bool) -> Vec<u8> {
    let (first, rest) = body.split_at(body.len() / 2);
    let length = if bad { "zz".to_owned() } else { format!("{:x}", rest.len() + 1) };
    let first_length = format!("{:x}\r\n", first.len());
    let good = if first.is_empty() { Vec::new() } else { [first_length.as_bytes(), first, b"\r\n"].concat() };
    [head, &good, length.as_bytes(), b"\r\n", rest].concat()
}

/// Unpacks to another body than was packed, and only the checksum of the coding says so (RFC 1952, 2.3.1).
fn bad_gzip(mut head: response::Parts, body: &Bytes) -> Damaged {
    let packed = head.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
    let mut plain = if packed { gzip::unpack(body, MAX_INFLATED_BODY).unwrap_or_default() } else { body.to_vec() };
    let checksum = |bytes: &[u8]| bytes.len().saturating_sub(8)..bytes.len().saturating_sub(4);
    let right = gzip::pack(&plain).unwrap_or_default();
    alter(&mut plain);
    let mut wrong = gzip::pack(&plain).unwrap_or_default();
    let there = checksum(&wrong);
    wrong[there].copy_from_slice(&right[checksum(&right)]);
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    shortened(head, wrong.into())
}

/// Changes a letter so that JSON stays JSON: the first one of the text that begins next to the middle. Where there is no
/// such text, whatever stands in the middle.
fn alter(plain: &mut Vec<u8>) {
    let middle = plain.len() / 2;
    let begins = |at: &usize| plain[..*at].ends_with(b":\"") && plain[*at].is_ascii_alphabetic();
    let at = (0..plain.len()).filter(begins).min_by_key(|at| at.abs_diff(middle)).unwrap_or(middle);
    match plain.get_mut(at) {
        Some(byte) => *byte ^= 1,
        None => plain.push(b' '),
    }
}

const fn entry(
    name: &'static str,
    does: &'static str,
    keys: &'static [&'static str],
    example: &'static str,
    source: &'static str,
) -> Entry {
    Entry { name, does, keys, example, source }
}

pub(super) const ENTRIES: &[Entry] = &[
    entry(
        "spoil empty",
        "The answer's body is gone.",
        &[],
        "- spoil: { device: maria, of: push, how: empty }",
        "proxies that answer for a server that died",
    ),
    entry(
        "spoil half",
        "The answer's body ends early, in the middle or `at` a byte, and its Content-Length says that this is all.",
        &["at"],
        "- spoil: { device: maria, of: push, how: half, at: 100B }",
        "proxies that buffer, and measure what they have got",
    ),
    entry(
        "spoil cut-off",
        "The connection ends within the answer's body, short of its Content-Length.",
        &["at"],
        "- spoil: { device: maria, of: pull, how: cut-off, at: 1B }",
        "RFC 9112, 8: an incomplete message, which some clients take for a whole one",
    ),
    entry(
        "spoil stalled",
        "Within the answer's body nothing more comes, on an open connection.",
        &["at"],
        "- spoil: { device: maria, of: pull, how: stalled, at: 1kB }",
        "a phone that leaves the cell in the middle of a download",
    ),
    entry(
        "spoil overlong",
        "The answer's Content-Length ends it early, and what is left over lies before the next answer.",
        &["at"],
        "- spoil: { device: maria, of: push, how: overlong, at: 40B }",
        "RFC 9112, 11.1: response splitting; a proxy that changes a body and not its length",
    ),
    entry(
        "spoil cut-in-head",
        "The connection ends within the answer's head.",
        &["at"],
        "- spoil: { device: maria, of: push, how: cut-in-head, at: 30B }",
        "a server that dies while it answers",
    ),
    entry(
        "spoil cut-in-chunk",
        "The answer comes in chunks, and the connection ends within one.",
        &[],
        "- spoil: { device: maria, of: pull, how: cut-in-chunk }",
        "RFC 9112, 8: without the last chunk it is incomplete",
    ),
    entry(
        "spoil bad-chunk",
        "The answer comes in chunks, and the second one's length is no number.",
        &[],
        "- spoil: { device: maria, of: pull, how: bad-chunk }",
        "RFC 9112, 7.1; broken proxies that change bodies",
    ),
    entry(
        "spoil garbage",
        "In the answer's place come bytes that are no HTTP, and the connection ends.",
        &[],
        "- spoil: { device: maria, of: push, how: garbage }",
        "another protocol on the port; a middlebox that mixes up connections",
    ),
    entry(
        "spoil bad-gzip",
        "The answer is gzip-coded, and unpacks to something else than was packed, which its checksum alone tells.",
        &[],
        "- spoil: { device: maria, of: pull, how: bad-gzip }",
        "RFC 1952, 2.3.1: CRC32 is there to notice it",
    ),
    entry(
        "spoil mislabelled",
        "The answer is whole, and its Content-Type says that it is a page for people.",
        &[],
        "- spoil: { device: maria, of: push, how: mislabelled }",
        "proxies that rewrite heads",
    ),
];

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use hyper::Response;

    const BODY: &str = r#"{"results":[1,2,3]}"#;

    fn spoilt(spoil: Spoil) -> (String, Option<End>) {
        let head = Response::builder().header("content-length", BODY.len()).body(()).unwrap().into_parts().0;
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match spoil.of(head, BODY.into()) {
            Damaged::Answer((head, body)) => (lossy(&[&head_text(&head), &body[..]].concat()), None),
            Damaged::Script(script) => (lossy(&script.pieces[0].bytes), Some(script.end)),
        }
    }

    fn with_length(length: usize, body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    #[test]
    fn a_body_that_breaks_off_is_short_of_what_its_head_says() {
        assert_eq!(spoilt(Spoil::CutOff(At::Byte(3))), (with_length(19, &BODY[..3]), Some(End::Cut)));
        assert_eq!(spoilt(Spoil::CutOff(At::Byte(999))), (with_length(19, &BODY[..18]), Some(End::Cut)));
        assert_eq!(spoilt(Spoil::Stalled(At::Middle)), (with_length(19, &BODY[..9]), Some(End::Silence)));
        assert_eq!(spoilt(Spoil::CutInHead(At::Byte(12))), ("HTTP/1.1 200".to_owned(), Some(End::Cut)));
    }

    #[test]
    fn a_body_that_hides_its_loss_is_as_long_as_its_head_says() {
        assert_eq!(spoilt(Spoil::Empty), (with_length(0, ""), None));
        assert_eq!(spoilt(Spoil::Half(At::Middle)), (with_length(9, &BODY[..9]), None));
        assert_eq!(spoilt(Spoil::Overlong(At::Byte(4))), (with_length(4, BODY), Some(End::Keep)));
    }

    #[test]
    fn chunks_begin_well_and_end_badly() {
        let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"results\r\n";
        assert_eq!(spoilt(Spoil::BadChunk), (format!("{start}zz\r\n\":[1,2,3]}}"), Some(End::Cut)));
        assert_eq!(spoilt(Spoil::CutInChunk), (format!("{start}b\r\n\":[1,2,3]}}"), Some(End::Cut)));
    }

    #[test]
    fn a_broken_coding_cannot_be_undone_whatever_it_holds() {
        for length in [0, 1, 19, 400, 5_000] {
            let body: Bytes = BODY.bytes().cycle().take(length).collect::<Vec<_>>().into();
            for packed in [false, true] {
                let builder = Response::builder();
                let builder = if packed { builder.header("content-encoding", "gzip") } else { builder };
                let head = builder.body(()).unwrap().into_parts().0;
                let bytes = if packed { gzip::pack(&body).unwrap().into() } else { body.clone() };
                let Damaged::Answer((head, spoilt)) = Spoil::BadGzip.of(head, bytes) else { panic!("a script") };
                assert_eq!(head.headers[CONTENT_ENCODING], "gzip");
                let mut unchecked = Vec::new();
                let _ = flate2::read::DeflateDecoder::new(&spoilt[10..]).read_to_end(&mut unchecked);
                assert!(unchecked != body, "{length} bytes say what they said");
                assert!(gzip::unpack(&spoilt, 10_000).is_err(), "{length} bytes, packed: {packed}");
            }
        }
    }
}
