//! The forms in which a secret may be written down.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::finder::Needle;
use crate::base::{hex, unhex};
use crate::history::{Form, Secret};

/// `text` in all its forms; a text of hexadecimal digits stands for bytes, too.
pub(super) fn forms(secret: Secret, what: &str, text: &str) -> Vec<Needle> {
    let needle = |form, bytes| Needle { secret, what: what.to_owned(), form, bytes };
    let mut needles = vec![needle(Form::Plain, text.as_bytes().to_vec()), needle(Form::Utf16, utf16(text))];
    let mut bytewise = |bytes: &[u8]| {
        needles.push(needle(Form::Hex, hex(bytes).into_bytes()));
        needles.extend(base64(bytes).into_iter().map(|bytes| needle(Form::Base64, bytes)));
    };
    bytewise(text.as_bytes());
    if let Some(raw) = unhex(text) {
        bytewise(&raw);
        needles.push(needle(Form::Raw, raw));
    }
    needles
}

/// What the little and the big end have in common of a text in Latin letters.
fn utf16(text: &str) -> Vec<u8> {
    let mut wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    wide.pop();
    wide
}

/// What base64 makes of `bytes` wherever they lie in what it codes: the characters that depend on nothing else, at each of
/// three phases, in both alphabets where they differ.
fn base64(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        let own = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
        for alphabet in [STANDARD, URL_SAFE] {
            let coded = alphabet.encode(&padded).into_bytes();
            let coded = coded.get(own.clone()).unwrap_or_default().to_vec();
            if !found.contains(&coded) {
                found.push(coded);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::finder::Finder;
    use super::*;

    fn finds(secret: &str, hay: &[u8]) -> Vec<Form> {
        let finder = Finder::new(forms(Secret::Key, "it", secret));
        let mut found = Vec::new();
        finder.find(hay, |needle, _| found.push(needle.form));
        found
    }

    #[test]
    fn a_secret_is_found_in_each_of_its_forms() {
        let secret = "00ff10ab2c3d4e5f60718293a4b5c6d7";
        let raw = unhex(secret).unwrap();
        let (upper, digits) = (secret.to_uppercase(), hex(secret.as_bytes()));
        let coded = STANDARD.encode(&raw);
        let big_end: Vec<u8> = secret.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let cases: [(&[u8], Form); 7] = [
            (secret.as_bytes(), Form::Plain),
            (&raw, Form::Raw),
            (upper.as_bytes(), Form::Hex),
            (digits.as_bytes(), Form::Hex),
            (&utf16(secret), Form::Utf16),
            (&big_end, Form::Utf16),
            (coded.as_bytes(), Form::Base64),
        ];
        for (written, form) in cases {
            let hay = [b"noise..".as_slice(), written, b"..noise"].concat();
            assert!(finds(secret, &hay).contains(&form), "{form}");
        }
    }

    #[test]
    fn base64_hides_nothing_at_any_phase() {
        let secret = "password of maria>>>???";
        for before in 0..6 {
            for after in 0..6 {
                let text = [&"x".repeat(before), secret, &"y".repeat(after)].concat();
                assert_eq!(finds(secret, STANDARD.encode(&text).as_bytes()), [Form::Base64], "{text}");
                assert_eq!(finds(secret, URL_SAFE.encode(&text).as_bytes()), [Form::Base64], "{text}");
            }
        }
    }
}
