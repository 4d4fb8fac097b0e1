//! Whether what is printed is what the README shows, on another day and with other hashes.

/// What is the same every day: `0` for the digits of times, dates and interims' names, no names of days, `HASH` for a
/// hash, one blank for many.
fn form(line: &str) -> String {
    let words = line.split_whitespace().map(|word| hashless(&dayless(word)));
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    // What is left where a day's name or a date was taken out.
    words.join(" ").replace(" 0000-00-00", "").replace("0000-00-00 ", "").replace("( ", "(")
}

/// A word without its day's name, and with `0` for digits that depend on the day.
fn dayless(word: &str) -> String {
    let zeros: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let day = zeros.trim_start_matches('(');
    if ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&day) {
        return zeros.replace(day, "");
    }
    if zeros.contains("00:00") || zeros.contains("0000-00-00") || zeros.contains("interim-0000-") {
        return zeros;
    }
    word.to_owned()
}

fn hashless(word: &str) -> String {
    if is_hash(word) { "HASH".into() } else { word.to_owned() }
}

fn is_hash(word: &str) -> bool {
    matches!(word.len(), 12 | 64) && word.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
}

/// Whether a shown line, with `…` for anything, is the printed one.
fn fits(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (form(shown), form(printed));
    let mut parts: Vec<&str> = shown.split('…').map(str::trim).collect();
    let last = parts.pop().expect("a split has a part");
    let Some((first, between)) = parts.split_first() else { return shown == printed };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The first shown line that does not come where it should, or what to say of the end.
pub(super) fn missing<'a>(shown: &'a [String], printed: &[&str]) -> Option<&'a str> {
    let shown: Vec<&str> = shown.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    if shown.is_empty() {
        return None;
    }
    let mut furthest = 0;
    if comes(&shown, printed, 0, &mut furthest) {
        return None;
    }
    Some(shown.get(furthest).copied().unwrap_or("(the end: more is printed than shown)"))
}

/// Whether all of `shown` from `at` on is what is printed; `…` may stand for more or fewer lines.
fn comes(shown: &[&str], printed: &[&str], at: usize, furthest: &mut usize) -> bool {
    *furthest = at.max(*furthest);
    match (shown.get(at), printed) {
        (None, rest) => rest.is_empty(),
        (Some(&"…"), rest) => {
            (0..=rest.len()).any(|skipped| comes(shown, &rest[skipped..], at + 1, furthest))
        }
        (Some(line), [first, rest @ ..]) => fits(line, first) && comes(shown, rest, at + 1, furthest),
        (Some(_), []) => false,
    }
}

/// The hash that a text tells at its end.
pub(super) fn hash(lines: &[impl AsRef<str>]) -> Option<String> {
    let mut words = lines.iter().rev().flat_map(|line| line.as_ref().split_whitespace());
    words.find(|word| is_hash(word)).map(str::to_owned)
}

#[test]
fn what_the_readme_shows_is_compared_and_not_only_looked_at() {
    let line = "tls  Sat 03:33-05:03 (Fri 11:33-13:03 UTC)  interim-2026-tls-01  session 36001";
    for printed in [
        "tls Mon 2027-01-04 23:00-00:30 (07:00-08:30 UTC) interim-2027-tls-02 session 36001",
        "tls 23:00-00:30 (07:00-08:30 UTC) interim-2027-tls-02 session 36001",
    ] {
        assert!(fits(line, printed), "{} / {}", form(line), form(printed));
    }
    assert!(!fits(line, "tls Mon 23:00-00:30 (07:00-08:30 UTC) interim-2027-tls-02 session 36002"));
    for (shown, printed, same) in [
        ("5 decks: a (00), …", "5 decks: a (00), b (01)", true),
        ("5 decks: a (00), …", "6 decks: a (00), b (01)", false),
        ("… takes our credentials", "http://x takes our credentials", true),
        ("… takes our credentials", "http://x refuses our credentials", false),
        ("PUT …/materials", "PUT http://x/materials", true),
        ("a … b", "a", false),
        ("a", "a b", false),
    ] {
        assert_eq!(fits(shown, printed), same, "{shown} / {printed}");
    }
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let printed = ["one", "two", "three"];
    for (text, missed) in [
        ("one\ntwo\nthree", None),
        ("…\nthree", None),
        ("one\n…", None),
        ("", None),
        ("one\nthree", Some("three")),
        ("…\nfour", Some("four")),
        ("…\ntwo", Some("(the end: more is printed than shown)")),
        ("…\ntwo\n…\nthree", None),
        ("…\nthree\n…\none", Some("one")),
    ] {
        assert_eq!(missing(&shown(text), &printed), missed, "{text}");
    }
}
