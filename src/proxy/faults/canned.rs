//! Answers that no server gave: a page of a captive portal, a load balancer's error, a problem document.

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

use super::Entry;
use crate::protocol::{ErrorCode, Problem};

/// An answer of the proxy's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canned {
    /// Its HTTP status.
    pub status: u16,
    /// What it holds.
    pub page: Page,
    /// How long it asks to wait, if it does.
    pub retry_after: Option<RetryAfter>,
}

/// What a canned answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// A problem document as our server writes them, with this code.
    Problem(ErrorCode),
    /// A page for people.
    Html,
    /// Nothing at all.
    Nothing,
}

/// The two ways of writing `Retry-After` (RFC 9110, 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// So many seconds.
    Seconds(u64),
    /// The date that lies so many seconds ahead; a `Date` goes with it, since the reader's clock may be wrong.
    Date(u64),
}

/// Where a portal's redirect leads: off the API.
const LOGIN: &str = "/login";
const HTML: &str = "<!doctype html><title>Welcome</title><p>Please accept the terms of use to go online.</p>";

impl Canned {
    /// Header fields and body, at `now`.
    #[must_use]
    pub(in crate::proxy) fn write(&self, now: Timestamp) -> (Vec<(&'static str, String)>, Vec<u8>) {
        let mut fields = Vec::new();
        let body = match self.page {
            Page::Problem(code) => {
                fields.push(("content-type", Problem::MEDIA_TYPE.to_owned()));
                serde_json::to_vec(&problem(self.status, code)).unwrap_or_default()
            }
            Page::Html => {
                fields.push(("content-type", "text/html".to_owned()));
                HTML.into()
            }
            Page::Nothing => Vec::new(),
        };
        if (300..400).contains(&self.status) {
            fields.push(("location", LOGIN.to_owned()));
        }
        match self.retry_after {
            Some(RetryAfter::Seconds(seconds)) => fields.push(("retry-after", seconds.to_string())),
            Some(RetryAfter::Date(seconds)) => {
                fields.push(("date", http_date(now)));
                let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
                fields.push(("retry-after", http_date(now.saturating_add(span).unwrap_or(Timestamp::MAX))));
            }
            None => {}
        }
        (fields, body)
    }
}

fn problem(status: u16, code: ErrorCode) -> Problem {
    let (kind, title) = ("about:blank".to_owned(), code.to_string());
    Problem { kind, title, status, code, detail: format!("status {status}, as the scenario has it") }
}

fn http_date(at: Timestamp) -> String {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "answer",
        does: "An answer that the server did not give, with any status: a problem document, a page, or nothing; in the request's place, or after the commit.",
        keys: &["status", "page", "code", "retry-after", "as-date", "when"],
        example: "- answer: { device: maria, of: push, status: 429, retry-after: 90s, as-date: true }",
        source: "RFC 9110, 15 and 10.2.3 (Retry-After); RFC 9457 (problem documents); 401 of ours is a token that expired or is unknown",
    },
    Entry {
        name: "captive-portal",
        does: "Until the device is online again, everything is answered with a portal's page, a redirect to it, a 403 or a 404.",
        keys: &["how"],
        example: "- captive-portal: { device: maria, how: redirect }",
        source: "RFC 8952, 1: hotels, trains, guests' networks",
    },
    Entry {
        name: "server",
        does: "For everybody the server is down, silent, or overloaded and says 503, until it is up again.",
        keys: &[],
        example: "- server: overloaded",
        source: "deployments, full databases, power cuts on the other side",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(status: u16, page: Page, retry_after: Option<RetryAfter>) -> (Vec<(&'static str, String)>, String) {
        let now: Timestamp = "2025-11-08T06:00:00.250Z".parse().unwrap();
        let (fields, body) = Canned { status, page, retry_after }.write(now);
        (fields, String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_date_to_come_back_at_has_the_date_of_today_beside_it() {
        let (fields, _) = written(503, Page::Nothing, Some(RetryAfter::Date(90)));
        let expected = [("date", "Sat, 08 Nov 2025 06:00:00 GMT"), ("retry-after", "Sat, 08 Nov 2025 06:01:30 GMT")];
        assert_eq!(fields, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_problem_reads_as_one_and_a_redirect_leads_away() {
        let (fields, body) = written(429, Page::Problem(ErrorCode::ServerError), Some(RetryAfter::Seconds(7)));
        assert_eq!(fields[0].1, Problem::MEDIA_TYPE);
        assert_eq!(fields[1], ("retry-after", "7".to_owned()));
        assert_eq!(serde_json::from_str::<Problem>(&body).unwrap().status, 429);
        let (fields, body) = written(302, Page::Html, None);
        assert_eq!(fields[1], ("location", "/login".to_owned()));
        assert!(body.starts_with("<!doctype html>"));
    }
}
