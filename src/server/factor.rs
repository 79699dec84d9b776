//! The second factor of a sign-in: codes of the authenticators that a user has enrolled (RFC 6238).

use super::refusal::Refusal;
use crate::protocol::totp;

/// A code counts in its step and in the one before and after it: clocks differ, and people type (RFC 6238, 5.2).
const WINDOW: i64 = 1;
/// So many codes are remembered as used; far more than fit the window.
const REMEMBERED: usize = 64;
/// After so many wrong codes in a row none is looked at for a while: a million codes, three of them good, are soon
/// tried out otherwise.
const WRONG_CODES: u32 = 5;
/// That while, in seconds.
const PAUSE_S: i64 = 5 * 60;

/// The authenticators of one user.
#[derive(Clone, Debug, Default)]
pub(super) struct Factors {
    enrolled: Vec<Authenticator>,
    wrong: u32,
    paused_until_ms: i64,
}

#[derive(Clone, Debug)]
struct Authenticator {
    secret: Vec<u8>,
    /// Steps whose code was used, the latest last.
    used: Vec<i64>,
}

impl Factors {
    /// Authenticators with these secrets; with none, a password alone is enough.
    pub(super) fn new(secrets: Vec<Vec<u8>>) -> Self {
        let enrolled = secrets.into_iter().map(|secret| Authenticator { secret, used: Vec::new() }).collect();
        Self { enrolled, ..Self::default() }
    }

    /// Accepts `code`, once.
    pub(super) fn check(&mut self, code: Option<&str>, now_ms: i64) -> Result<(), Refusal> {
        if self.enrolled.is_empty() {
            return Ok(());
        }
        let Some(code) = code else {
            return Err(Refusal::unauthenticated("a code of the second factor is needed"));
        };
        if now_ms < self.paused_until_ms {
            let seconds = (self.paused_until_ms - now_ms + 999) / 1000;
            return Err(Refusal::too_many("too many wrong codes", u64::try_from(seconds).unwrap_or(0)));
        }
        let now = totp::step(now_ms.div_euclid(1000));
        if self.enrolled.iter_mut().any(|it| it.accepts(code, now)) {
            self.wrong = 0;
            return Ok(());
        }
        self.wrong += 1;
        if self.wrong >= WRONG_CODES {
            (self.wrong, self.paused_until_ms) = (0, now_ms.saturating_add(PAUSE_S * 1000));
        }
        Err(Refusal::unauthenticated("the code is wrong, too old, or was used before"))
    }
}

impl Authenticator {
    fn accepts(&mut self, code: &str, now: i64) -> bool {
        let fits = |step: &i64| totp::code(&self.secret, *step) == code;
        let Some(step) = (now - WINDOW..=now + WINDOW).filter(|step| !self.used.contains(step)).find(fits) else {
            return false;
        };
        if self.used.len() == REMEMBERED {
            self.used.remove(0);
        }
        self.used.push(step);
        true
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::http::header::RETRY_AFTER;

    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";
    const NOW_MS: i64 = 1_111_111_111_000;

    fn enrolled() -> Factors {
        Factors::new(vec![SECRET.to_vec(), b"another one's secret".to_vec()])
    }

    fn code(steps: i64) -> String {
        totp::code(SECRET, totp::step(NOW_MS / 1000) + steps)
    }

    #[test]
    fn a_code_counts_in_its_window_and_once() {
        let mut factors = enrolled();
        for steps in [-2, 2] {
            assert!(factors.check(Some(&code(steps)), NOW_MS).is_err(), "{steps}");
        }
        for steps in [0, -1, 1] {
            assert!(factors.check(Some(&code(steps)), NOW_MS).is_ok(), "{steps}");
            assert!(factors.check(Some(&code(steps)), NOW_MS).is_err(), "{steps} again");
        }
        assert!(Factors::default().check(None, NOW_MS).is_ok());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for wrong in [None, Some(""), Some("50471"), Some("0050471"), Some("05047a"), Some("\u{0}"), Some("٠٥٠٤٧١")]
        {
            let refusal = enrolled().check(wrong, NOW_MS).unwrap_err();
            assert_eq!(refusal.status, StatusCode::UNAUTHORIZED, "{wrong:?}");
        }
        assert_eq!(code(0), "050471");
    }

    #[test]
    fn whoever_guesses_is_not_heard_for_long() {
        let mut factors = enrolled();
        for _ in 0..WRONG_CODES {
            assert_eq!(factors.check(Some("000000"), NOW_MS).unwrap_err().status, StatusCode::UNAUTHORIZED);
        }
        let refusal = factors.check(Some(&code(0)), NOW_MS).unwrap_err();
        assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
        let header = *refusal.header.unwrap();
        assert_eq!((header.0, header.1.to_str().unwrap()), (RETRY_AFTER, "300"));
        let later = NOW_MS + PAUSE_S * 1000;
        assert!(factors.check(Some(&totp::code(SECRET, totp::step(later / 1000))), later).is_ok());
    }
}
