//! Attachments (decision s): files come by tus 1.0, in pieces that survive any cut, and leave by GET.
//!
//! ```text
//! route -> upload -> metadata      creation, offset, bytes, termination
//!  |         '-> blob              what is stored
//!  '-> download -> range           the file, or a part of it
//!        '-> thumbnail             a small picture of it
//! line                             a record refers to nothing that is not here
//! ```

mod blob;
mod download;
mod line;
mod metadata;
mod range;
mod route;
mod thumbnail;
mod upload;

pub(super) use blob::purge;
pub(super) use line::check as check_lines;
pub(super) use route::routes;
