//! Attachments (spec 6.2): from the camera to the server, and back to whoever asks for them.
//!
//! ```text
//!  capture ─► photo: decode, turn, shrink, JPEG ─► file_store: sealed file on the disk ─► row and queued operation
//!                                                                                           │
//!  push, pull ─► files: what is due? ─► upload: parts, each about 5 s of the link ─► verified ─► push: the order's line
//! ```
//!
//! On the way down, in the same part of a sync: what the user opened, what is critical, and thumbnails, each in parts that are
//! sealed as they come; nothing is shown before all of it is here and is what the server said.
//!
//! The operation that adds the line to the order is made with the capture, and acknowledged with it; it stands in a lane
//! of its own and goes out once the server has the file (decisions f, s). So a record never speaks of a file that is
//! not there, and a large file never keeps an order's changes waiting.
//!
//! Invariant: a file is durable before the transaction that speaks of it. What a crash leaves between the two is swept at
//! the next start.

mod capture;
mod download;
mod exif;
mod file_store;
mod files;
mod pace;
mod part;
mod photo;
mod sealed;
mod settings;
mod upload;

pub use capture::Capture;
pub use download::OpenError;
pub(super) use download::SMALL;
pub use file_store::{FileError, PREFIX as FILE_PREFIX};
pub(super) use file_store::{FileStore, Kept, sweep};
pub(super) use files::{run, saved_settings, tidy};
pub use photo::{Photo, PhotoError, prepare as prepare_photo};
pub use settings::FileSettings;
pub(super) use upload::Progress;
