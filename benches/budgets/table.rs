//! Measurements, and how they are shown beside their budgets.
#![expect(clippy::print_stdout, reason = "a benchmark is there to print")]

use std::time::Duration;

/// One budget and what was measured, in the budget's unit.
struct Line {
    what: String,
    unit: &'static str,
    budget: Budget,
    measured: Measured,
    statements: Option<usize>,
}

#[derive(Clone, Copy)]
pub(crate) enum Budget {
    AtMost(f64),
    AtLeast(f64),
    /// Only shown, to compare with.
    None,
}

/// The least, the middle and the greatest of some values.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) greatest: f64,
}

impl Measured {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        Self { least: at(0), median: at(values.len() / 2), greatest: at(values.len().saturating_sub(1)) }
    }

    pub(crate) fn one(value: f64) -> Self {
        Self::of(vec![value])
    }
}

/// What is printed at the end.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
}

impl Table {
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        budget: Budget,
        measured: Measured,
        statements: Option<usize>,
    ) {
        self.lines.push(Line { what: what.into(), unit, budget, measured, statements });
    }

    pub(crate) fn all_kept(&self) -> bool {
        self.lines.iter().all(|line| line.is_kept() != Some(false))
    }

    pub(crate) fn print(&self) {
        let head = ["", "budget", "min", "median", "max", "unit", "statements", ""].map(str::to_owned);
        let rows: Vec<[String; 8]> =
            std::iter::once(head).chain(self.lines.iter().map(Line::cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..8).map(width).collect();
        println!();
        for row in &rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 | 5 | 7 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}

impl Line {
    /// The median decides.
    fn is_kept(&self) -> Option<bool> {
        match self.budget {
            Budget::AtMost(limit) => Some(self.measured.median <= limit),
            Budget::AtLeast(limit) => Some(self.measured.median >= limit),
            Budget::None => None,
        }
    }

    fn cells(&self) -> [String; 8] {
        let budget = match self.budget {
            Budget::AtMost(limit) => format!("<= {}", number(limit)),
            Budget::AtLeast(limit) => format!(">= {}", number(limit)),
            Budget::None => String::new(),
        };
        let Measured { least, median, greatest } = self.measured;
        [
            self.what.clone(),
            budget,
            number(least),
            number(median),
            number(greatest),
            self.unit.to_owned(),
            self.statements.map(|count| count.to_string()).unwrap_or_default(),
            match self.is_kept() {
                Some(true) => "kept".to_owned(),
                Some(false) => "MISSED".to_owned(),
                None => String::new(),
            },
        ]
    }
}

/// Three digits that say something, and no more.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// What goes on, for whoever waits.
pub(crate) fn note(line: &str) {
    println!("{line}");
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
