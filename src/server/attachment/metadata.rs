//! What a client says of a file before it sends it: the keys of `Upload-Metadata`, each with a base64 value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::payload;
use super::super::refusal::Refusal;

/// The longest text that is kept of a value, in bytes.
const LONGEST: usize = 2000;
/// The longest file name, in characters.
const LONGEST_NAME: usize = 200;
/// What a file is called that has no name.
const NAMELESS: &str = "file";
/// What a file is of which nothing is known.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// What is said of a file. A public tus client may say nothing at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) id: Option<String>,
    pub(super) work_order: Option<String>,
    pub(super) file_name: String,
    pub(super) mime_type: String,
    pub(super) sha256: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) captured_at: Option<String>,
    pub(super) location: Option<String>,
    pub(super) description: Option<String>,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            id: None,
            work_order: None,
            file_name: NAMELESS.to_owned(),
            mime_type: UNKNOWN_TYPE.to_owned(),
            sha256: None,
            kind: None,
            captured_at: None,
            location: None,
            description: None,
        }
    }
}

impl Metadata {
    /// Reads the header. Keys that are not known are passed over, as tus has it; `filename` and `filetype` are what
    /// public clients call a name and a type.
    pub(super) fn parse(header: &str) -> Result<Self, Refusal> {
        let mut metadata = Self::default();
        let mut seen = Vec::new();
        for pair in header.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            if seen.contains(&key) {
                return Err(wrong(key, "stands twice"));
            }
            seen.push(key);
            let value = STANDARD.decode(value.trim()).map_err(|_| wrong(key, "is not base64"))?;
            let value = String::from_utf8(value).map_err(|_| wrong(key, "is not text"))?;
            metadata.set(key, value)?;
        }
        Ok(metadata)
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), Refusal> {
        let said = Some(value.clone()).filter(|value| !value.is_empty());
        if value.len() > LONGEST {
            return Err(wrong(key, "is too long"));
        }
        match key {
            "attachmentId" => self.id = Some(id(key, value)?),
            "workOrderId" => self.work_order = said.map(|value| id(key, value)).transpose()?,
            "fileName" | "filename" => self.file_name = file_name(&value),
            "mimeType" | "filetype" => self.mime_type = mime_type(&value),
            "sha256" => self.sha256 = said.map(|value| sha256(key, &value)).transpose()?,
            "attachmentType" => self.kind = said,
            "capturedAt" => self.captured_at = said,
            "location" => self.location = said,
            "description" => self.description = said,
            _ => {}
        }
        Ok(())
    }
}

fn wrong(key: &str, why: &str) -> Refusal {
    // What a stranger wrote is not printed back at length.
    let key: String = key.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
    Refusal::malformed(format!("`{key}` of Upload-Metadata {why}"))
}

/// An id, which goes into a URL.
fn id(key: &str, value: String) -> Result<String, Refusal> {
    payload::check_id(key, &value).map_err(Refusal::malformed)?;
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        Ok(value)
    } else {
        Err(wrong(key, "is no id: letters, digits, `-`, `.` and `_` alone"))
    }
}

fn sha256(key: &str, value: &str) -> Result<String, Refusal> {
    if value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(value.to_ascii_lowercase())
    } else {
        Err(wrong(key, "is not 64 hexadecimal digits"))
    }
}

/// The last part of a path, whichever system wrote it, without what could break a header.
fn file_name(path: &str) -> String {
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control() && *c != '"').take(LONGEST_NAME).collect();
    let name = name.trim();
    if name.trim_matches('.').is_empty() { NAMELESS.to_owned() } else { name.to_owned() }
}

/// A media type as far as it can be one: two tokens (RFC 9110, 8.3.1). Parameters are left off.
fn mime_type(text: &str) -> String {
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    match essence.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => essence,
        Some(_) | None => UNKNOWN_TYPE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> Result<Metadata, Refusal> {
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).collect();
        Metadata::parse(&pairs.join(","))
    }

    #[test]
    fn what_is_said_is_read_and_what_is_not_known_is_passed_over() {
        let said = metadata(&[("attachmentId", "a-1"), ("fileName", "seal.jpg"), ("colour", "red")]).unwrap();
        assert_eq!((said.id.as_deref(), said.file_name.as_str()), (Some("a-1"), "seal.jpg"));
        assert_eq!(Metadata::parse("").unwrap(), Metadata::default());
        assert_eq!(Metadata::parse("is_confidential, filename c2VhbC5qcGc=").unwrap().file_name, "seal.jpg");
    }

    #[test]
    fn a_path_in_a_name_leaves_its_last_part() {
        for (path, name) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\maria\\seal.jpg", "seal.jpg"),
            ("..", "file"),
            ("photos/", "file"),
            ("a\r\nSet-Cookie: \"x\".jpg", "aSet-Cookie: x.jpg"),
        ] {
            assert_eq!(metadata(&[("fileName", path)]).unwrap().file_name, name, "{path}");
        }
    }

    #[test]
    fn a_type_is_a_type_or_bytes() {
        for (text, kind) in [
            ("image/JPEG", "image/jpeg"),
            ("text/html; charset=utf-8", "text/html"),
            ("application/vnd.acme+json", "application/vnd.acme+json"),
            ("nonsense", "application/octet-stream"),
            ("a/b\r\nx: y", "application/octet-stream"),
        ] {
            assert_eq!(metadata(&[("mimeType", text)]).unwrap().mime_type, kind, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = "x".repeat(LONGEST + 1);
        for (key, value) in [
            ("attachmentId", ""),
            ("attachmentId", "../a"),
            ("workOrderId", "a b"),
            ("sha256", "12"),
            ("location", &long),
        ] {
            let refusal = metadata(&[(key, value)]).unwrap_err();
            assert!(refusal.to_string().contains(key), "{refusal}");
        }
        assert!(Metadata::parse("fileName !!!").is_err());
        assert!(Metadata::parse("fileName YQ==,fileName YQ==").is_err());
        assert!(Metadata::parse("fileName /w==").is_err(), "not UTF-8");
    }
}
