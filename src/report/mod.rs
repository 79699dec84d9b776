//! Views of verdict and history, for people and for programs. Nothing here prints.

mod compare;
mod ctrf;
mod files;
mod github;
mod har;
mod html;
mod junit;
mod markdown;
mod matrix;
mod schema;
mod story;
mod summary;
mod tally;
mod tech;
mod trace;
mod traffic;
mod words;

#[cfg(test)]
mod tests;

pub use compare::{Baseline, Change, Comparison, Counts, Tolerance, compare, grown, table};
pub use ctrf::ctrf;
pub use github::{annotations, error_annotation, shown as shown_annotations};
pub use har::{Archive, har};
pub use html::{html, section};
pub use junit::junit;
pub use markdown::markdown;
pub use matrix::{Proof, Row, Statement, counted, matrix};
pub use schema::{history_schema, summary_schema};
pub use story::{failure, fitted, line, totals};
pub use summary::{Class, Judged, ScenarioSummary, Shard, Stopped, Subject, Summary};
pub use tally::Tally;
pub use tech::tech;
pub use trace::trace;
pub use traffic::{Bytes, Purpose};
pub use words::{event, milliseconds};
