//! What is wrong with a scenario file, for the person who wrote it: where, what, and what to write instead.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::outline::Place;

/// Most problems that are reported of one file; a file with more is of another kind.
pub(super) const MOST: usize = 100;
/// Most characters of a line that are kept to be shown; the file may be one long line.
const SHOWN: usize = 240;
/// Most characters of a message; what it quotes may be long.
const LONGEST: usize = 700;
/// Words longer than this are not compared: the comparison is quadratic.
const COMPARED: usize = 64;
/// Most words that one is compared with.
const CANDIDATES: usize = 1000;

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1; 0 when the problem is the file as a whole.
    pub line: u64,
    /// Column, from 1, in characters; 0 when the problem is the file as a whole.
    pub column: u64,
    /// How many characters are meant.
    pub length: u64,
    /// What is wrong, in words.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    excerpt: Excerpt,
}

/// The part of a line that is shown with a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Excerpt {
    text: String,
    /// Characters of the line before it.
    skipped: usize,
}

impl Problem {
    /// The file itself cannot be read.
    #[must_use]
    pub fn of_file(file: &str, message: &str) -> Self {
        Problems::new(file, "").problem(Place::default(), message, None)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message)?,
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.message)?,
        }
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl std::error::Error for Problem {}

/// Draws a problem with the line that it is about, a caret under the place, and the help; with ANSI colours if asked.
#[must_use]
pub fn draw(problem: &Problem, coloured: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let title = Level::ERROR.primary_title(problem.message.as_str());
    let mut report = match problem.line {
        0 => title.element(Origin::path(problem.file.as_str())),
        line => {
            let source = problem.excerpt.source();
            let span = bytes_of(&source, index(problem.column).saturating_sub(1), index(problem.length.max(1)));
            let snippet = Snippet::source(source).line_start(index(line)).path(problem.file.as_str());
            title.element(snippet.annotation(AnnotationKind::Primary.span(span)))
        }
    };
    if let Some(help) = &problem.help {
        report = report.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[report])
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The byte range of `length` characters of `text` from `start` on, as far as it has them.
fn bytes_of(text: &str, start: usize, length: usize) -> Range<usize> {
    let byte = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    byte(start)..byte(start.saturating_add(length))
}

/// Collects the problems of one scenario, which may have been read from several files.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    file: &'a str,
    text: &'a str,
    /// Names and texts of further files, as places count them from 1.
    others: Vec<(String, String)>,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    /// None yet, of `file` with this text.
    pub(super) const fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, others: Vec::new(), found: Vec::new() }
    }

    /// Adds one; beyond the most that are reported it is dropped.
    pub(super) fn add(&mut self, place: Place, message: impl AsRef<str>, help: Option<String>) {
        if !self.is_full() {
            let problem = self.problem(place, message.as_ref(), help);
            // The rows of a table share what is wrong with all of them.
            if !self.found.contains(&problem) {
                self.found.push(problem);
            }
        }
    }

    /// Takes in another file; its number in places.
    pub(super) fn also(&mut self, file: &str, text: &str) -> usize {
        self.others.push((file.to_owned(), text.to_owned()));
        self.others.len()
    }

    /// How many files were taken in beside the scenario itself.
    pub(super) const fn others(&self) -> usize {
        self.others.len()
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether there are so many that it is not worth looking for more.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }

    /// The problems in the file's order, if there are any.
    pub(super) fn into_result<T>(mut self, value: Option<T>) -> Result<T, Vec<Problem>> {
        let order = |problem: &Problem| {
            let other = self.others.iter().position(|(file, _)| *file == problem.file);
            (other.filter(|_| problem.file != self.file), problem.line, problem.column)
        };
        self.found.sort_by_key(order);
        if self.is_full() {
            let message = format!("there may be more: these are the first {MOST} problems");
            self.found.push(self.problem(Place::default(), &message, None));
        }
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            Some(_) | None => Err(self.found),
        }
    }

    fn problem(&self, place: Place, message: &str, help: Option<String>) -> Problem {
        let other = place.file.checked_sub(1).and_then(|number| self.others.get(number));
        let (file, text) = other.map_or((self.file, self.text), |(file, text)| (file.as_str(), text.as_str()));
        let line = text.lines().nth(index(place.line).saturating_sub(1)).unwrap_or("");
        Problem {
            file: file.to_owned(),
            line: place.line,
            column: place.column,
            length: place.length,
            message: printable(message),
            help: help.map(|help| printable(&help)),
            excerpt: Excerpt::around(line, place.column),
        }
    }
}

impl Excerpt {
    fn around(line: &str, column: u64) -> Self {
        let column = index(column);
        let skipped = if column > SHOWN * 2 / 3 { column - SHOWN / 3 } else { 0 };
        Self { text: line.chars().skip(skipped).take(SHOWN).collect(), skipped }
    }

    /// The line with blanks for what is left out, so that columns keep their numbers.
    fn source(&self) -> String {
        format!("{}{}", " ".repeat(self.skipped), self.text)
    }
}

/// Without control characters, which a terminal would obey, and of bounded length.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST {
            out.push('…');
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// `did you mean ..?` with the candidate that is nearest to `word`, if one is near.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > COMPARED {
        return None;
    }
    let word = word.to_lowercase();
    let near = |candidate: &'a str| {
        let comparable = candidate.chars().count() <= COMPARED;
        let distance = comparable.then(|| strsim::damerau_levenshtein(&word, &candidate.to_lowercase()))?;
        (distance <= length.div_ceil(3)).then_some((distance, candidate))
    };
    candidates
        .into_iter()
        .take(CANDIDATES)
        .filter_map(near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The nearest candidate, or else all of them: `allowed: a, b, c`.
pub(super) fn one_of(word: &str, candidates: &[&str]) -> String {
    did_you_mean(word, candidates.iter().copied()).unwrap_or_else(|| format!("allowed: {}", candidates.join(", ")))
}
