//! The heads of HTTP/1 messages: what is needed to find where each message ends, and to say what it was.

use std::fmt;
use std::ops::Range;

use bytes::BytesMut;
use httparse::{EMPTY_HEADER, Header, Request, Response, Status};

use super::body::Body;

/// Longest head that is read, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;
/// Most header fields of a head.
const MOST_FIELDS: usize = 128;

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: String,
    /// The path without its query.
    pub(super) path: String,
    /// Where in the head its `Host` stands.
    host: Option<Range<usize>>,
    /// Bytes of the head.
    pub(super) length: usize,
    /// What follows it.
    pub(super) body: Body,
    /// The connection ends with the answer.
    pub(super) closes: bool,
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// Its media type.
    pub(super) media: String,
    /// Bytes of the head.
    pub(super) length: usize,
    /// What follows it.
    pub(super) body: Body,
    /// The connection ends with it.
    pub(super) closes: bool,
}

/// Why something is no head, or none that can be passed on safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadHead {
    /// It is not HTTP/1.
    Garbage,
    /// It is longer than [`LONGEST`], or has too many fields.
    TooLong,
    /// It can be read in two ways, so that a server might see other requests in it than the proxy: how.
    Ambiguous(&'static str),
}

impl fmt::Display for BadHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbage => f.write_str("this is not HTTP/1"),
            Self::TooLong => write!(f, "the head is longer than {} KiB or has too many fields", LONGEST >> 10),
            Self::Ambiguous(how) => write!(f, "the head can be read in two ways: {how}"),
        }
    }
}

impl BadHead {
    /// The status of an answer to a request like this.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Garbage | Self::Ambiguous(_) => 400,
            Self::TooLong => 431,
        }
    }
}

/// Reads the head of a request at the beginning of `bytes`; `None` when there is more to come.
pub(super) fn asked(bytes: &[u8]) -> Result<Option<Asked>, BadHead> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut request = Request::new(&mut fields);
    let Some(length) = complete(request.parse(bytes), bytes)? else { return Ok(None) };
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let http_10 = request.version == Some(0);
    let said = Said::of(request.headers)?;
    if said.chunked && http_10 {
        return Err(BadHead::Ambiguous("HTTP/1.0 knows no chunks"));
    }
    Ok(Some(Asked {
        method: method.to_owned(),
        path: target.split(['?', '#']).next().unwrap_or_default().to_owned(),
        host: host(bytes, request.headers)?,
        length,
        body: said.body().unwrap_or(Body::None),
        closes: said.closes(http_10),
    }))
}

/// Where in `bytes` the value of `Host` stands.
fn host(bytes: &[u8], fields: &[Header<'_>]) -> Result<Option<Range<usize>>, BadHead> {
    let mut hosts = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    let Some(Header { value, .. }) = hosts.next() else { return Ok(None) };
    if hosts.next().is_some() {
        return Err(BadHead::Ambiguous("two Hosts"));
    }
    let from = value.as_ptr().addr() - bytes.as_ptr().addr();
    Ok(Some(from..from + value.len()))
}

impl Asked {
    /// It, asking `host`, if there is one, in the `bytes` that begin with it; where it asks nobody by name, it stays so.
    pub(super) fn asking(mut self, host: Option<&str>, bytes: &mut BytesMut) -> Self {
        let (Some(Range { start, end }), Some(host)) = (self.host.clone(), host) else { return self };
        let rest = bytes.split_off(start);
        bytes.extend_from_slice(host.as_bytes());
        bytes.extend_from_slice(&rest[end - start..]);
        self.host = Some(start..start + host.len());
        self.length = self.length + host.len() - (end - start);
        self
    }
}

/// Reads the head of the answer to a request of `method`; `None` when there is more to come.
pub(super) fn answered(bytes: &[u8], method: &str) -> Result<Option<Answered>, BadHead> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut response = Response::new(&mut fields);
    let Some(length) = complete(response.parse(bytes), bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let said = Said::of(response.headers)?;
    // RFC 9112, 6.3.
    let bodiless = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
    let body = if bodiless { Body::None } else { said.body().unwrap_or(Body::UntilClose) };
    let closes = said.closes(response.version == Some(0)) || body == Body::UntilClose;
    Ok(Some(Answered { status, media: said.media, length, body, closes }))
}

fn complete(parsed: httparse::Result<usize>, bytes: &[u8]) -> Result<Option<usize>, BadHead> {
    match parsed {
        Ok(Status::Complete(length)) if length <= LONGEST => Ok(Some(length)),
        Ok(Status::Partial) if bytes.len() < LONGEST => Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Err(BadHead::TooLong),
        Err(_) => Err(BadHead::Garbage),
    }
}

/// What the fields of a head say.
#[derive(Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    media: String,
}

impl Said {
    fn of(fields: &[Header<'_>]) -> Result<Self, BadHead> {
        let mut said = Self::default();
        for Header { name, value } in fields {
            let text = std::str::from_utf8(value).unwrap_or_default().trim();
            if name.eq_ignore_ascii_case("content-length") {
                said.set_length(text)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if said.chunked || !text.eq_ignore_ascii_case("chunked") {
                    return Err(BadHead::Ambiguous("a Transfer-Encoding other than `chunked`"));
                }
                said.chunked = true;
            } else if name.eq_ignore_ascii_case("connection") {
                let has = |wanted: &str| text.split(',').any(|word| word.trim().eq_ignore_ascii_case(wanted));
                said.close |= has("close");
                said.keep_alive |= has("keep-alive");
            } else if name.eq_ignore_ascii_case("content-type") {
                text.clone_into(&mut said.media);
            }
        }
        if said.chunked && said.length.is_some() {
            return Err(BadHead::Ambiguous("it has both a Content-Length and a Transfer-Encoding"));
        }
        Ok(said)
    }

    fn set_length(&mut self, text: &str) -> Result<(), BadHead> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let length = text.parse().ok().filter(|_| digits);
        let length = length.ok_or(BadHead::Ambiguous("a Content-Length that is no number"))?;
        match self.length.replace(length) {
            Some(other) if other != length => Err(BadHead::Ambiguous("two Content-Lengths")),
            Some(_) | None => Ok(()),
        }
    }

    fn body(&self) -> Option<Body> {
        if self.chunked { Some(Body::chunked()) } else { self.length.map(Body::of_length) }
    }

    fn closes(&self, http_10: bool) -> bool {
        self.close || (http_10 && !self.keep_alive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(text: &str) -> Result<Option<Asked>, BadHead> {
        asked(text.as_bytes())
    }

    #[test]
    fn a_request_is_read_with_its_body() {
        let head = request("POST /a/b?c=d HTTP/1.1\r\nHost: s\r\nContent-Length: 7\r\n\r\nbody").unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str(), head.length), ("POST", "/a/b", 54));
        assert_eq!((head.body, head.closes), (Body::of_length(7), false));
        assert_eq!(request("GET / HTTP/1.1\r\nHost:"), Ok(None));
    }

    #[test]
    fn another_host_is_asked_and_nothing_else_changes() {
        let (begin, end) = ("GET / HTTP/1.1\r\nX-Host: a\r\nhost:  ", "\r\nAccept: b\r\n\r\nbody");
        for (old, new) in [("127.0.0.1:8080", "s.test"), ("s", "api.example.test:8443"), ("", "s")] {
            let mut bytes = BytesMut::from(format!("{begin}{old}{end}").as_str());
            let head = asked(&bytes).unwrap().unwrap().asking(Some(new), &mut bytes);
            assert_eq!(bytes, format!("{begin}{new}{end}"), "{old:?}");
            assert_eq!(asked(&bytes), Ok(Some(head)), "{old:?}");
        }
        let mut bytes = BytesMut::from("GET / HTTP/1.0\r\n\r\n");
        let nameless = asked(&bytes).unwrap().unwrap();
        assert_eq!(nameless.clone().asking(Some("s"), &mut bytes), nameless);
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: +5",
            "Content-Length: 5, 5",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "hOST: t",
        ] {
            let head = request(&format!("POST / HTTP/1.1\r\nHost: s\r\n{fields}\r\n\r\n"));
            assert!(matches!(head, Err(BadHead::Ambiguous(_))), "{fields}: {head:?}");
        }
        assert!(matches!(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(BadHead::Ambiguous(_))));
    }

    #[test]
    fn garbage_and_endless_heads_are_told_apart() {
        assert_eq!(request("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03 hello"), Err(BadHead::Garbage));
        let long = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(LONGEST));
        assert_eq!(request(&long), Err(BadHead::TooLong));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MOST_FIELDS + 1));
        assert_eq!(request(&many), Err(BadHead::TooLong));
    }

    #[test]
    fn where_an_answer_ends_depends_on_what_was_asked() {
        let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(answered(plain, "GET").unwrap().unwrap().body, Body::of_length(5));
        assert_eq!(answered(plain, "HEAD").unwrap().unwrap().body, Body::None);
        let until = answered(b"HTTP/1.1 200 OK\r\n\r\n", "GET").unwrap().unwrap();
        assert_eq!((until.body, until.closes), (Body::UntilClose, true));
        assert_eq!(answered(b"HTTP/1.1 304 Not Modified\r\n\r\n", "GET").unwrap().unwrap().body, Body::None);
        assert!(answered(b"HTTP/1.0 204 No\r\n\r\n", "GET").unwrap().unwrap().closes);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in 0_usize..200) {
            let _ = asked(&bytes);
            let _ = answered(&bytes, "GET");
            let mut half = b"POST /x HTTP/1.1\r\nContent-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            half.truncate(cut);
            half.extend(bytes);
            if let Ok(Some(head)) = asked(&half) {
                prop_assert!(head.length <= half.len());
            }
        }
    }
}
