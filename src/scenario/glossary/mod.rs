//! Every word of a scenario file with its meaning and an example, taken from the types: the schema for editors, the
//! reference page and `explain` are views of it.

mod page;
mod schema;
mod tree;
mod word;

pub use page::scenarios_page;
pub use schema::scenario_schema;
pub use word::{Group, Part, Word, glossary};
pub(super) use word::{example_of, example_of_header};
