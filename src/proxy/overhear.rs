//! What passes the proxy, in the clear, for whoever looks for what should not.

use std::borrow::Cow;
use std::rc::Rc;

use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::http::{request, response};

use super::inspect;
use crate::history::Part;

/// One part of a message.
#[derive(Clone, Copy, Debug)]
pub struct Overheard<'a> {
    /// Whose exchange.
    pub device: &'a str,
    /// The exchange's number in the run.
    pub exchange: u64,
    /// The path that was asked for.
    pub path: &'a str,
    /// Of the answer, and not of the request.
    pub answer: bool,
    /// Which part.
    pub part: Part,
    /// It; a body without its coding, where that can be undone.
    pub bytes: &'a [u8],
}

/// Told every part of every message.
pub type OnHeard = Rc<dyn Fn(&Overheard<'_>)>;

/// Whose exchange is heard.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) device: &'a str,
    pub(super) exchange: u64,
    pub(super) path: &'a str,
}

impl Line<'_> {
    pub(super) fn request(self, tell: &OnHeard, head: &request::Parts, body: &[u8]) {
        self.part(tell, false, Part::Target, head.uri.to_string().as_bytes());
        self.message(tell, false, &head.headers, body);
    }

    pub(super) fn answer(self, tell: &OnHeard, head: &response::Parts, body: &[u8]) {
        self.message(tell, true, &head.headers, body);
    }

    fn message(self, tell: &OnHeard, answer: bool, headers: &HeaderMap, body: &[u8]) {
        let mut lines = Vec::new();
        for (name, value) in headers {
            if *name == AUTHORIZATION {
                self.part(tell, answer, Part::Authorization, value.as_bytes());
            } else {
                for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"] {
                    lines.extend_from_slice(piece);
                }
            }
        }
        self.part(tell, answer, Part::Headers, &lines);
        let body = inspect::plain(headers, body).unwrap_or(Cow::Borrowed(body));
        self.part(tell, answer, Part::Body, &body);
    }

    fn part(self, tell: &OnHeard, answer: bool, part: Part, bytes: &[u8]) {
        let Self { device, exchange, path } = self;
        if !bytes.is_empty() {
            tell(&Overheard { device, exchange, path, answer, part, bytes });
        }
    }
}
