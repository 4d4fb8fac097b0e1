//! Results for a person.

use super::{SubjectOutcome, SubjectResult};

/// What became of each subject, for a person.
pub fn results_text(results: &[SubjectResult]) -> String {
    let mut text = String::from("\n");
    // The same trouble mostly meets many: it is said once, with all whom it met.
    let mut troubles: Vec<(SubjectOutcome, &str, Vec<String>)> = Vec::new();
    for result in results {
        let Some(words) = result.error.as_deref().or(in_step(result.outcome)) else { continue };
        match troubles.iter_mut().find(|(outcome, other, _)| *outcome == result.outcome && *other == words) {
            Some((.., subjects)) => subjects.push(short(result)),
            None => troubles.push((result.outcome, words, vec![short(result)])),
        }
    }
    for (outcome, words, subjects) in troubles {
        let sign = if in_step(outcome).is_some() { ' ' } else { '!' };
        line(&mut text, &format!(" {sign} {}: {words}", word(outcome)));
        line(&mut text, &format!("   {}", subjects.join(", ")));
    }
    for result in results {
        if let Some(moment) = result.confirm_owed {
            line(
                &mut text,
                &format!("   {} confirm owed at {} UTC", result.subject, moment.format("%H:%M:%S")),
            );
        }
    }
    line(&mut text, &sums(results));
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn short(result: &SubjectResult) -> String {
    format!("session {} {}", result.subject.session, result.subject.kind.as_str())
}

/// What is said of a subject that was not sent and is no trouble.
fn in_step(outcome: SubjectOutcome) -> Option<&'static str> {
    match outcome {
        SubjectOutcome::InStep => Some("somebody else had done it"),
        SubjectOutcome::Rehearsed => Some("logged, not sent"),
        _ => None,
    }
}

fn sums(results: &[SubjectResult]) -> String {
    let count = |outcome: SubjectOutcome| results.iter().filter(|result| result.outcome == outcome).count();
    let parts: Vec<String> = [
        SubjectOutcome::Applied,
        SubjectOutcome::Rehearsed,
        SubjectOutcome::InStep,
        SubjectOutcome::Failed,
        SubjectOutcome::Refused,
        SubjectOutcome::InDoubt,
    ]
    .into_iter()
    .filter(|outcome| count(*outcome) > 0)
    .map(|outcome| format!("{} {}", count(outcome), word(outcome)))
    .collect();
    let requests: usize = results.iter().map(|result| result.requests).sum();
    let plural = if requests == 1 { "request" } else { "requests" };
    if parts.is_empty() {
        "Nothing was sent.".to_owned()
    } else {
        format!("{}. {requests} {plural}.", parts.join(", "))
    }
}

fn word(outcome: SubjectOutcome) -> &'static str {
    match outcome {
        SubjectOutcome::Applied => "applied",
        SubjectOutcome::Failed => "failed",
        SubjectOutcome::Refused => "refused",
        SubjectOutcome::InDoubt => "in doubt",
        SubjectOutcome::InStep => "in step",
        SubjectOutcome::Rehearsed => "rehearsed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SessionId, SubjectKey};

    fn result(session: i64, outcome: SubjectOutcome, error: Option<&str>) -> SubjectResult {
        let subject = SubjectKey::room(SessionId(session));
        SubjectResult { subject, outcome, requests: 1, error: error.map(str::to_owned), confirm_owed: None }
    }

    #[test]
    fn those_that_say_the_same_are_named_under_it() {
        let refused = |session| result(session, SubjectOutcome::Refused, Some("too many"));
        let mut results: Vec<SubjectResult> = (1..=5).map(refused).collect();
        results.push(result(8, SubjectOutcome::Failed, Some("no")));
        results.push(result(9, SubjectOutcome::Failed, Some("no")));
        results.push(result(10, SubjectOutcome::Applied, None));
        let text = results_text(&results);
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(" !")).collect();
        assert_eq!(lines, [" ! refused: too many", " ! failed: no"], "{text}");
        assert!(text.contains("   session 8 room, session 9 room\n"), "{text}");
        assert!(text.ends_with("1 applied, 2 failed, 5 refused. 8 requests.\n"), "{text}");
    }
}
