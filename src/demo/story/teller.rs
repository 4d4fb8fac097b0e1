//! Says the story: headings, what happened, what the commands print. Decides nothing.

use std::collections::BTreeSet;
use std::io;

use crate::plan::Style;

/// A plan names so many sessions at its beginning and one at its end; the others are counted.
const NAMED: usize = 3;

/// Writes the story down, and keeps what did not come out as it should.
pub(crate) struct Teller<'a> {
    write: &'a mut dyn FnMut(&str) -> io::Result<()>,
    style: Style,
    scene: usize,
    /// Parts of plans that stand further up already.
    told: BTreeSet<String>,
    wrong: Vec<String>,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(style: Style, write: &'a mut dyn FnMut(&str) -> io::Result<()>) -> Self {
        // What a command prints is set in from the left.
        let style = Style { width: style.width.map(|width| width.saturating_sub(4)), ..style };
        Self { write, style, scene: 0, told: BTreeSet::new(), wrong: Vec::new() }
    }

    pub(super) fn style(&self) -> &Style {
        &self.style
    }

    /// What did not come out as told.
    pub(super) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    pub(super) fn scene(&mut self, title: &str) -> io::Result<()> {
        self.scene += 1;
        let heading = format!("{}. {title}", self.scene);
        let (bold, plain) = if self.style.colour { ("\u{1b}[1;36m", "\u{1b}[0m") } else { ("", "") };
        (self.write)(&format!("\n{bold}{heading}\n{}{plain}\n", "=".repeat(heading.chars().count())))
    }

    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        (self.write)(&format!("{text}\n"))
    }

    /// A command as somebody would type it.
    pub(super) fn command(&mut self, command: &str) -> io::Result<()> {
        (self.write)(&format!("\n  $ {command}\n"))
    }

    /// What a command prints.
    pub(super) fn printed(&mut self, text: &str) -> io::Result<()> {
        let lines = text.trim_matches('\n').lines();
        let set_in: String =
            lines.map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }).collect();
        (self.write)(&set_in)
    }

    /// A heading and its lines.
    pub(super) fn list(&mut self, heading: &str, lines: &[String]) -> io::Result<()> {
        (self.write)(&format!("\n  {heading}\n"))?;
        self.printed(&lines.join("\n"))
    }

    /// A plan as `meetsync plan` prints it, without what stands further up already.
    pub(super) fn plan(&mut self, text: &str, sessions_to_change: usize) -> io::Result<()> {
        let text = shortened(text, sessions_to_change, &mut self.told);
        self.printed(&text)
    }

    /// The story goes on; its end will not be a good one.
    pub(super) fn expect(&mut self, holds: bool, otherwise: &str) -> io::Result<()> {
        if holds {
            return Ok(());
        }
        self.wrong.push(otherwise.to_owned());
        (self.write)(&format!("\n  ! This is not as it should be: {otherwise}\n"))
    }
}

/// A plan's text is made of parts with an empty line between: heading, a part per session, refusals, waits, end.
fn shortened(text: &str, sessions: usize, told: &mut BTreeSet<String>) -> String {
    let parts: Vec<&str> = text.trim_matches('\n').split("\n\n").collect();
    let Some((head, rest)) = parts.split_first() else { return String::new() };
    let Some((end, middle)) = rest.split_last() else { return (*head).to_owned() };
    if middle.is_empty() && head.ends_with(end) {
        return (*head).to_owned();
    }
    let (changes, others) = middle.split_at(sessions.min(middle.len()));
    let mut lines = vec![(*head).to_owned()];
    let fresh: Vec<&str> = changes.iter().copied().filter(|part| told.insert((*part).to_owned())).collect();
    if fresh.len() < changes.len() {
        lines.push(format!("({} of the sessions to change are as above)", changes.len() - fresh.len()));
    }
    if fresh.len() > NAMED + 2 {
        lines.extend(fresh[..NAMED].iter().map(|part| (*part).to_owned()));
        lines.push(format!("(... {} more sessions ...)", fresh.len() - NAMED - 1));
        lines.push(fresh[fresh.len() - 1].to_owned());
    } else {
        lines.extend(fresh.iter().map(|part| (*part).to_owned()));
    }
    lines.extend(others.iter().copied().filter(|part| told.insert((*part).to_owned())).map(str::to_owned));
    lines.push((*end).to_owned());
    lines.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_shortened_and_nothing_is_said_twice() {
        let changes: Vec<String> = (1..=9).map(|number| format!("session {number}\n  + deck")).collect();
        let text = format!("Plan\nsum\n\n{}\n\n3 wait\n2 wait\n\nsum\n", changes.join("\n\n"));
        let mut told = BTreeSet::new();
        let first = shortened(&text, 9, &mut told);
        for there in
            ["Plan\nsum", "session 3\n", "(... 5 more sessions ...)", "session 9\n", "3 wait\n2 wait"]
        {
            assert!(first.contains(there), "{there:?} in\n{first}");
        }
        assert!(!first.contains("session 4\n"));
        let again = shortened(&text, 9, &mut told);
        assert_eq!(again, "Plan\nsum\n\n(9 of the sessions to change are as above)\n\nsum");
        let other = shortened("Plan\nsum\n\nsession 1\n  - deck\n\n4 wait\n\nsum", 1, &mut told);
        assert!(other.contains("  - deck") && other.contains("4 wait"), "{other}");
    }

    #[test]
    fn what_is_wrong_is_said_and_kept() {
        let mut text = String::new();
        let mut write = |said: &str| {
            text.push_str(said);
            Ok(())
        };
        let mut teller = Teller::new(Style::default(), &mut write);
        teller.expect(true, "this").unwrap();
        teller.expect(false, "that").unwrap();
        assert_eq!(teller.wrong(), ["that"]);
        assert!(text.contains("that") && !text.contains("this is"));
    }
}
