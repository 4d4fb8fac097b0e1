//! Lines of text, each piece made harmless on its way in.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Style;

/// What a colour repeats: the mark before the line says it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Bold,
    Added,
    Gone,
    Changed,
    Refused,
}

impl Paint {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Added => Some("32"),
            Self::Gone => Some("31"),
            Self::Changed => Some("33"),
            Self::Refused => Some("1;31"),
        }
    }
}

/// A text in the making.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    colour: bool,
    pub(crate) width: Option<usize>,
}

impl Page {
    pub(crate) fn new(style: &Style) -> Self {
        Self { text: String::new(), colour: style.colour, width: style.width }
    }

    pub(crate) fn line(&mut self, paint: Paint, text: impl AsRef<str>) {
        let clean = harmless(text.as_ref());
        let clean = clean.trim_end();
        let pieces = match paint.code().filter(|_| self.colour) {
            Some(code) => ["\u{1b}[", code, "m", clean, "\u{1b}[0m", "\n"],
            None => ["", "", "", clean, "", "\n"],
        };
        self.text.extend(pieces);
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Rows in columns as wide as their widest cell; the last one is left as it is.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        let clean: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect();
        let mut widths: Vec<usize> = header.iter().map(|title| title.width()).collect();
        for row in &clean {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let joined = |cells: Vec<&str>| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
            padded.join("  ")
        };
        self.line(Paint::Bold, joined(header.to_vec()));
        for row in &clean {
            self.line(Paint::Plain, joined(row.iter().map(String::as_str).collect()));
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Foreign text as it may be printed: a terminal obeys control characters (escape sequences, tabs, line ends), and
/// the marks that turn the direction of writing can make a line read otherwise than it is. Line ends and tabs
/// become a blank, the others the replacement character.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
            _ if letter.is_control() => '\u{fffd}',
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '\u{fffd}'
            }
            _ => letter,
        })
        .collect()
}

/// Filled with blanks to so many columns of a terminal.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Cut to so many columns, with an ellipsis where something is left out.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut short = String::new();
    for letter in text.chars() {
        let columns = letter.width().unwrap_or(0);
        if columns > left {
            break;
        }
        left -= columns;
        short.push(letter);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_marks_of_direction_are_taken_out() {
        for bad in
            ["\u{1b}[31mred", "a\tb\nc\r", "\u{9b}2J", "\u{202e}drawkcab\u{2066}", "bell\u{7}", "\u{2028}"]
        {
            let clean = harmless(bad);
            assert!(
                clean
                    .chars()
                    .all(|letter| !letter.is_control() && !('\u{2028}'..='\u{202e}').contains(&letter)),
                "{bad:?} -> {clean:?}"
            );
        }
        assert_eq!(harmless("日本語 é <b>\"x\"</b>"), "日本語 é <b>\"x\"</b>", "any other text stays");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(shortened("日本語", 5), "日本…");
        assert_eq!(shortened("abc", 3), "abc");
    }

    #[test]
    fn a_line_never_holds_more_than_one_line() {
        let mut page = Page::new(&Style::default());
        page.line(Paint::Plain, "one\nTo do this: rm -rf /");
        assert_eq!(page.finish().lines().count(), 1);
    }
}
