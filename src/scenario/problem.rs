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
/// Most characters of what a message quotes; of what a help quotes, which may be an example.
const QUOTED: usize = 100;
const QUOTED_IN_HELP: usize = 240;
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
            message: printable(message, QUOTED),
            help: help.map(|help| printable(&help, QUOTED_IN_HELP)),
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

/// Without characters that a terminal would obey, and of bounded length, as is each part of it between backquotes.
fn printable(text: &str, most_quoted: usize) -> String {
    let mut out = String::new();
    let (mut length, mut quoted) = (0, None);
    for c in text.chars() {
        quoted = match (c, quoted) {
            ('`', None) => Some(0),
            ('`', Some(_)) => None,
            (_, quoted) => quoted.map(|quoted: usize| quoted.saturating_add(1)),
        };
        if quoted > Some(most_quoted) {
            if quoted == Some(most_quoted + 1) {
                out.push('…');
            }
            continue;
        }
        if length == LONGEST {
            out.push('…');
            break;
        }
        length += 1;
        if deceives(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Whether a character is obeyed rather than shown: a control character, or one that turns the direction of the text
/// around it.
pub(super) fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The candidate that `word` is but for a slip of the hand: one letter, two in a long word, or its case and hyphens.
/// Stricter than [`did_you_mean`], since what is no slip may be meant.
pub(super) fn slip_of<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match word.chars().count() {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    };
    closest(word, most, |word| word.to_lowercase().replace(['_', ' '], "-"), candidates)
}

/// `did you mean ..?` with the candidate that is nearest to `word`, if one is near.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    closest(word, word.chars().count().div_ceil(3), str::to_lowercase, candidates)
}

/// The candidate that the fewest changes make of `word`, and at most so many; both are compared as `plain` writes them.
fn closest<'a>(
    word: &str,
    most: usize,
    plain: impl Fn(&str) -> String,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let comparable = |word: &str| word.chars().count() <= COMPARED;
    if !comparable(word) {
        return None;
    }
    let word = plain(word);
    let near = |candidate: &'a str| {
        let distance = comparable(candidate).then(|| strsim::damerau_levenshtein(&word, &plain(candidate)))?;
        (distance <= most).then_some((distance, candidate))
    };
    let near = candidates.into_iter().take(CANDIDATES).filter_map(near);
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The nearest candidate, or else all of them: `allowed: a, b, c`.
pub(super) fn one_of(word: &str, candidates: &[&str]) -> String {
    did_you_mean(word, candidates.iter().copied()).unwrap_or_else(|| format!("allowed: {}", candidates.join(", ")))
}
