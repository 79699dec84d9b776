//! What the requests of an upload say (tus 1.0): all of it stands in their heads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::header::{HeaderMap, IF_RANGE, RANGE};
use hyper::http::request;
use hyper::{Method, Uri};

use crate::history::{MessageKind, Upload, UploadStep};
use crate::protocol::path;

/// A request of an upload of which `bytes` of the body came; `None` for what the protocol does not know.
pub(super) fn request(head: &request::Parts, bytes: u64, cut: bool) -> Option<MessageKind> {
    let headers = &head.headers;
    let (attachment_id, step) = match head.method {
        Method::POST => {
            let length = number(headers, "upload-length")?;
            (metadata(headers, "attachmentId"), UploadStep::Create { length, bytes, cut })
        }
        Method::HEAD => (id(&head.uri), UploadStep::Offset),
        Method::PATCH => (id(&head.uri), UploadStep::Part { offset: number(headers, "upload-offset")?, bytes, cut }),
        Method::DELETE => (id(&head.uri), UploadStep::End),
        _ => return None,
    };
    Some(MessageKind::Upload(Upload { attachment_id, step }))
}

/// A request for a file.
pub(super) fn file(head: &request::Parts) -> MessageKind {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let thumbnail = head.uri.path().ends_with("/thumbnail");
    MessageKind::File { attachment_id: id(&head.uri), thumbnail, range: text(RANGE), if_range: text(IF_RANGE) }
}

/// How many bytes the server has, as its answer says.
pub(super) fn offset(headers: &HeaderMap) -> Option<u64> {
    number(headers, "upload-offset")
}

fn id(uri: &Uri) -> String {
    let below = uri.path().trim_start_matches(path::ATTACHMENTS).trim_start_matches('/');
    below.split('/').next().unwrap_or_default().to_owned()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

fn metadata(headers: &HeaderMap, key: &str) -> String {
    let all = headers.get("upload-metadata").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = all.split(',').filter_map(|pair| pair.trim().split_once(' ')).find(|(name, _)| *name == key);
    let value = found.and_then(|(_, value)| BASE64.decode(value).ok()).and_then(|value| String::from_utf8(value).ok());
    value.unwrap_or_default()
}
