//! What is written once and meant several times: steps of another file, variables, and the rows of a table. All of it is put
//! in place in the outline, before types are read; what is put in keeps the place where it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::outline::{Content, Key, Kind, Node, Place, Scalar};
use super::problem::{Problems, did_you_mean};
use super::validate::is_name;
use super::{parse, read};

/// Most rows of a table.
const MOST_ROWS: usize = 1000;
/// Most steps that a story has once all others are put in.
const MOST_STEPS: usize = 100_000;
/// Most files that a story is put together from.
const MOST_FILES: usize = 200;
/// The end of the name of a file of steps: by it, nobody takes the file for a scenario.
pub const STEPS_FILE: &str = ".steps.yaml";

/// The outline of one run.
#[derive(Debug)]
pub(super) struct Row {
    /// Its number from 1, if the file has a table.
    pub(super) number: Option<u32>,
    /// Everything in its place.
    pub(super) outline: Node,
}

/// Variables by name: where each is named, and its value.
type Variables = BTreeMap<String, (Place, Node)>;

/// The runs that `outline` describes. `folder` is where other files are looked for; none where there are no files.
pub(super) fn rows(mut outline: Node, file: Option<&Path>, problems: &mut Problems<'_>) -> Vec<Row> {
    if let Some(steps) = outline.keys_mut().iter_mut().find(|key| key.name == "steps") {
        let mut including: Vec<PathBuf> = file.into_iter().map(canonical).collect();
        include(&mut steps.value, file, &mut including, problems);
    }
    let variables = variables(&outline, problems);
    let table = table(&outline, &variables, problems);
    if !problems.is_empty() {
        return Vec::new();
    }
    let mut used = BTreeSet::new();
    let rows: Vec<Row> = match &table {
        None => {
            fill(&mut outline, &variables, &mut used, problems);
            vec![Row { number: None, outline }]
        }
        Some(table) => {
            let row = |(number, row): (u32, &Variables)| {
                let mut outline = outline.clone();
                let values: Variables = variables.iter().chain(row).map(|(k, v)| (k.clone(), v.clone())).collect();
                let named = named_by(&outline, row);
                fill(&mut outline, &values, &mut used, problems);
                if !named {
                    add_to_name(&mut outline, row);
                }
                Row { number: Some(number), outline }
            };
            (1..).zip(table).map(row).collect()
        }
    };
    let first = table.as_ref().and_then(|table| table.first());
    for (name, (place, _)) in variables.iter().chain(first.into_iter().flatten()) {
        if !used.contains(name) {
            let help = Some(format!("write `${{{name}}}` where its value belongs, or take it out"));
            problems.add(*place, format!("nothing uses the variable `{name}`"), help);
        }
    }
    rows
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Puts the steps of other files in the place of each `include`.
fn include(list: &mut Node, file: Option<&Path>, including: &mut Vec<PathBuf>, problems: &mut Problems<'_>) {
    let Content::List(items) = &mut list.content else { return };
    let mut all = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let Some(named) = item.only("include") else {
            all.push(item);
            continue;
        };
        let place = named.value.place;
        match steps_of(&named.value, file, including, problems) {
            Ok(steps) => {
                let from = if item.from == 0 { item.place.line } else { item.from };
                all.extend(steps.into_iter().map(|step| Node { from, ..step }));
            }
            Err((message, help)) => problems.add(place, message, help),
        }
        if all.len() > MOST_STEPS {
            problems.add(place, format!("the story has too many steps: at most {MOST_STEPS}"), None);
            break;
        }
    }
    *items = all;
}

/// The steps of the file that `named` names, those that it includes put in.
fn steps_of(
    named: &Node,
    file: Option<&Path>,
    including: &mut Vec<PathBuf>,
    problems: &mut Problems<'_>,
) -> Result<Vec<Node>, (String, Option<String>)> {
    let Content::Plain(Scalar { text, kind: Kind::Text }) = &named.content else {
        return Err(("`include` must hold the name of a file of steps".to_owned(), None));
    };
    if !text.ends_with(STEPS_FILE) {
        let help = format!("call it for example `sign-in{STEPS_FILE}`: by that, nobody takes it for a scenario");
        return Err((format!("`{text}` cannot be a file of steps"), Some(help)));
    }
    let Some(file) = file else { return Err(("there is no folder here to look for files".to_owned(), None)) };
    let path = file.parent().unwrap_or(Path::new("")).join(text);
    let whole = canonical(&path);
    if including.contains(&whole) {
        return Err((format!("`{text}` includes itself, over one file or more"), None));
    }
    let content = read::text_of(&path, read::MOST_BYTES).map_err(|why| {
        let help = format!("the path counts from the folder of the file that names it; looked for {}", path.display());
        (format!("`{text}`: {why}"), Some(help))
    })?;
    if problems.others() >= MOST_FILES {
        return Err((format!("a story includes {MOST_FILES} files at most"), None));
    }
    let number = problems.also(&path.display().to_string(), &content);
    let mut steps = match parse::outline(&content) {
        Ok(steps) => steps,
        Err(fault) => {
            let place = Place { file: number, ..fault.place.unwrap_or_default() };
            problems.add(place, fault.message, fault.help);
            return Ok(Vec::new());
        }
    };
    steps.is_of(number);
    if !matches!(steps.content, Content::List(_)) {
        let help = Some("begin each step with `- `, in the first column".to_owned());
        problems.add(steps.place, "a file of steps is a list of steps, and nothing else", help);
        return Ok(Vec::new());
    }
    including.push(whole);
    include(&mut steps, Some(&path), including, problems);
    including.pop();
    let Content::List(steps) = steps.content else { return Ok(Vec::new()) };
    Ok(steps)
}

/// What `vars` says.
fn variables(outline: &Node, problems: &mut Problems<'_>) -> Variables {
    let Some(vars) = outline.key("vars") else { return Variables::new() };
    named_values(&vars.value, "`vars`", problems)
}

fn named_values(node: &Node, what: &str, problems: &mut Problems<'_>) -> Variables {
    if !matches!(node.content, Content::Keys(_)) {
        problems.add(node.place, format!("{what} must hold names and values: `name: value`"), None);
    }
    let mut found = Variables::new();
    for Key { name, place, value } in node.keys() {
        if !is_name(name) {
            let help = Some("use small letters, digits and hyphens".to_owned());
            problems.add(*place, format!("`{name}` cannot be the name of a variable"), help);
        }
        match &value.content {
            Content::Plain(Scalar { kind: Kind::Nothing, .. }) => {
                problems.add(*place, format!("`{name}` has no value"), None);
            }
            Content::Plain(Scalar { text, .. }) if text.contains("${") => {
                problems.add(value.place, "a variable's value is not made of other variables", None);
            }
            Content::Plain(_) => {}
            Content::List(_) | Content::Keys(_) => {
                problems.add(value.place, format!("`{name}` must hold a single value"), None);
            }
        }
        found.insert(name.clone(), (*place, value.clone()));
    }
    found
}

/// The rows of `matrix`, if there is one.
fn table(outline: &Node, variables: &Variables, problems: &mut Problems<'_>) -> Option<Vec<Variables>> {
    let matrix = &outline.key("matrix")?.value;
    let help = || Some("write for example `- { link: 3g, bound: 4s }`, a line for each run".to_owned());
    let rows = matrix.items();
    if rows.is_empty() || rows.len() > MOST_ROWS {
        problems.add(matrix.place, format!("`matrix` must hold a list of rows, {MOST_ROWS} at most"), help());
        return None;
    }
    let table: Vec<Variables> = rows.iter().map(|row| named_values(row, "a row", problems)).collect();
    let first: Vec<&String> = table.first().into_iter().flat_map(BTreeMap::keys).collect();
    for (row, values) in rows.iter().zip(&table) {
        if !values.keys().eq(first.iter().copied()) {
            let names: Vec<&str> = first.iter().map(|name| name.as_str()).collect();
            let message = format!("each row has the same variables; the first has {}", names.join(", "));
            problems.add(row.place, message, None);
        }
        for (name, (place, _)) in values.iter().filter(|(name, _)| variables.contains_key(*name)) {
            problems.add(*place, format!("`{name}` is in `vars` already"), None);
        }
    }
    Some(table)
}

/// Whether the name of the file's scenario names a variable of the row.
fn named_by(outline: &Node, row: &Variables) -> bool {
    let Some(Content::Plain(name)) = outline.key("name").map(|key| &key.value.content) else { return true };
    row.keys().any(|variable| name.text.contains(&format!("${{{variable}}}")))
}

/// The values of the row, behind the scenario's name.
fn add_to_name(outline: &mut Node, row: &Variables) {
    let values = row.iter().filter_map(|(name, (_, value))| match &value.content {
        Content::Plain(scalar) => Some(format!("{name} {}", scalar.text)),
        Content::List(_) | Content::Keys(_) => None,
    });
    let values: Vec<String> = values.collect();
    let name = outline.keys_mut().iter_mut().find(|key| key.name == "name");
    if let Some(Content::Plain(name)) = name.map(|key| &mut key.value.content) {
        name.text = format!("{} ({})", name.text, values.join(", "));
        name.kind = Kind::Text;
    }
}

/// Puts values in the place of `${name}`, everywhere but where variables are named.
fn fill(node: &mut Node, variables: &Variables, used: &mut BTreeSet<String>, problems: &mut Problems<'_>) {
    let place = node.place;
    match &mut node.content {
        Content::List(items) => items.iter_mut().for_each(|item| fill(item, variables, used, problems)),
        Content::Keys(keys) => {
            for key in keys.iter_mut().filter(|key| key.name != "vars" && key.name != "matrix") {
                fill(&mut key.value, variables, used, problems);
            }
        }
        Content::Plain(scalar) if scalar.text.contains("${") => {
            let mut lookup = |name: &str| {
                used.insert(name.to_owned());
                let value = variables.get(name).map(|(_, value)| &value.content);
                if value.is_none() && !problems.is_full() {
                    let help = did_you_mean(name, variables.keys().map(String::as_str));
                    let help = help.or_else(|| Some("name it under `vars`, or in each row of `matrix`".to_owned()));
                    problems.add(place, format!("there is no variable `{name}`"), help);
                }
                match value {
                    Some(Content::Plain(scalar)) => Some(scalar.clone()),
                    Some(Content::List(_) | Content::Keys(_)) | None => None,
                }
            };
            filled(scalar, &mut lookup);
        }
        Content::Plain(_) => {}
    }
}

/// A value that is a variable and nothing else becomes what that is, number or text; within text it becomes text.
fn filled(scalar: &mut Scalar, lookup: &mut dyn FnMut(&str) -> Option<Scalar>) {
    if let Some(name) = scalar.text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
        && is_name(name)
    {
        if let Some(value) = lookup(name) {
            *scalar = value;
        }
        return;
    }
    let mut out = String::new();
    let mut rest = scalar.text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        match after.split_once('}').filter(|(name, _)| is_name(name)) {
            Some((name, after)) => {
                out.push_str(&lookup(name).map(|value| value.text).unwrap_or_default());
                rest = after;
            }
            None => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    scalar.text = out;
}
