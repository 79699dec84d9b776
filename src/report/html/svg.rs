//! What the pictures have in common: escaping, shortening, shapes with a word for whoever points at them.

use std::fmt::Write;

/// `text` as it may stand in HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The first `most` characters of `text`.
pub(super) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A picture under construction.
#[derive(Debug, Default)]
pub(super) struct Picture {
    body: String,
}

impl Picture {
    /// A line; `style` holds its attributes, `title` what it means.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str, title: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let shape = format!("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {style}", n(x1), n(y1), n(x2), n(y2));
        self.titled(&shape, "line", title);
    }

    /// A box.
    pub(super) fn rectangle(&mut self, at: (f64, f64), size: (f64, f64), style: &str, title: &str) {
        let ((x, y), (width, height)) = (at, size);
        let shape =
            format!("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {style}", n(x), n(y), n(width), n(height));
        self.titled(&shape, "rect", title);
    }

    /// A shape by its path.
    pub(super) fn path(&mut self, path: &str, style: &str, title: &str) {
        self.titled(&format!("<path d=\"{path}\" {style}"), "path", title);
    }

    /// Words.
    pub(super) fn text(&mut self, at: (f64, f64), style: &str, text: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.body, "<text x=\"{}\" y=\"{}\" {style}>{}</text>", n(at.0), n(at.1), escaped(text));
    }

    fn titled(&mut self, shape: &str, name: &str, title: &str) {
        self.body.push_str(shape);
        if title.is_empty() {
            self.body.push_str("/>");
        } else {
            let _ = write!(self.body, "><title>{}</title></{name}>", escaped(title));
        }
    }

    /// The whole, with what `head` says of it.
    pub(super) fn done(self, size: (f64, f64), head: &str, label: &str) -> String {
        let (width, height) = (n(size.0), n(size.1));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{}\" {head}>{}</svg>",
            escaped(label),
            self.body
        )
    }
}

/// A coordinate, to a tenth.
pub(super) fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
