//! Views of verdict and history: the summary as data, events and failures as sentences. Nothing here prints.

mod files;
mod story;
mod summary;
mod tech;
mod traffic;
mod words;

pub use story::{failure, line, totals};
pub use summary::{Class, Judged, ScenarioSummary, Summary, Tally};
pub use tech::tech;
pub use traffic::{Bytes, Purpose};
pub use words::{event, milliseconds};
