//! What is remembered of token calls: tokens, groups that Meetecho does not know, and whether it knows us.
//!
//! Plain values and no calls; who asks for what is decided in the room above.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::model::{Fault, GroupAcronym, Outcome, Why};
use crate::planted::{self, Bug};

/// A refused group is left out of common calls for so long.
pub(super) const LEFT_OUT: Duration = Duration::from_mins(10);
/// A group's refusal is not asked for again for so long, however many sessions it has; nor is there a common call
/// after one that was refused.
pub(super) const REMEMBERED: Duration = Duration::from_mins(1);
/// Rejected credentials are not tried again for so long, however many groups want a token. Who tries for hours must
/// wait longer by himself.
pub(super) const REJECTED: Duration = Duration::from_secs(1);
/// So many groups that are refused, none of which was ever given a token, mean that not the groups are the trouble.
const REFUSALS_THAT_COUNT: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) tokens: BTreeMap<GroupAcronym, SecretString>,
    /// When a group was last given a token.
    given: BTreeMap<GroupAcronym, Instant>,
    refused: BTreeMap<GroupAcronym, Refusal>,
    /// Our credentials are; None as soon as they count again.
    rejected: Option<Refusal>,
    /// The common call that was refused last, and when.
    refused_together: Option<(Instant, BTreeSet<GroupAcronym>)>,
    /// Meetecho said when to come back, and until then every call would only be told the same.
    pub(super) quiet: Option<Quiet>,
}

#[derive(Debug)]
pub(super) struct Quiet {
    pub(super) until: Instant,
    pub(super) asked: Duration,
    pub(super) fault: Fault,
}

#[derive(Debug, Clone)]
struct Refusal {
    at: Instant,
    fault: Fault,
}

impl Refusal {
    fn now(fault: Fault) -> Self {
        Self { at: Instant::now(), fault }
    }

    fn is_fresh(&self, span: Duration) -> bool {
        self.at.elapsed() < span || planted::is(Bug::RefusalForEver)
    }
}

impl Store {
    /// Whatever an answer brought; a group that it left out counts as refused.
    pub(super) fn take(
        &mut self,
        asked_for: &[&GroupAcronym],
        mut tokens: BTreeMap<GroupAcronym, SecretString>,
    ) {
        self.rejected = None;
        for &group in asked_for {
            if let Some(token) = tokens.remove(group) {
                self.tokens.insert(group.clone(), token);
                self.given.insert(group.clone(), Instant::now());
                self.refused.remove(group);
            } else {
                self.refuse::<()>(group, "its answer to POST auth/ietfservice/tokens left it out");
            }
        }
    }

    /// Forgets this one value: if somebody has fetched a new one meanwhile, that stays.
    pub(super) fn forget(&mut self, group: &GroupAcronym, rejected: &SecretString) {
        if self.tokens.get(group).is_some_and(|token| token.expose_secret() == rejected.expose_secret()) {
            self.tokens.remove(group);
        }
    }

    /// Meetecho does not know this group; the outcome for whoever needs its token.
    pub(super) fn refuse<T>(&mut self, group: &GroupAcronym, words: &str) -> Outcome<T> {
        let words = format!("Meetecho gives no token for group {group}: {words}");
        let fault = Fault::new(Why::GroupUnknown, words);
        self.refused.insert(group.clone(), Refusal::now(fault.clone()));
        Outcome::Refused(fault)
    }

    /// Meetecho does not know us; the outcome for whoever needs a token.
    pub(super) fn reject<T>(&mut self, refusal: &Fault) -> Outcome<T> {
        let fault = credentials_fault(refusal);
        self.rejected = Some(Refusal::now(fault.clone()));
        Outcome::Retry { after: None, fault }
    }

    pub(super) fn refuse_together(&mut self, groups: &[&GroupAcronym]) {
        self.refused_together = Some((Instant::now(), groups.iter().copied().cloned().collect()));
    }

    /// Whether a common call may be tried: not while one group that is unknown, or our credentials, would spoil it.
    pub(super) fn may_ask_together(&self) -> bool {
        self.rejected.is_none()
            && self.quiet::<()>().is_none()
            && self.refused_together.as_ref().is_none_or(|(at, _)| at.elapsed() >= REMEMBERED)
    }

    pub(super) fn belongs_in_a_batch(&self, group: &GroupAcronym) -> bool {
        !self.tokens.contains_key(group)
            && self.refused.get(group).is_none_or(|refusal| refusal.at.elapsed() >= LEFT_OUT)
    }

    /// What is known without asking, where that is nothing good.
    pub(super) fn known_failure<T>(&self, group: &GroupAcronym) -> Option<Outcome<T>> {
        if let Some(quiet) = self.quiet() {
            return Some(quiet);
        }
        if let Some(refusal) = self.rejected.as_ref().filter(|refusal| refusal.is_fresh(REJECTED)) {
            return Some(Outcome::Retry { after: None, fault: refusal.fault.clone() });
        }
        let refusal = self.refused.get(group).filter(|refusal| refusal.is_fresh(REMEMBERED))?;
        Some(Outcome::Refused(refusal.fault.clone()))
    }

    pub(super) fn quiet<T>(&self) -> Option<Outcome<T>> {
        let Quiet { asked, fault, .. } = self.quiet.as_ref().filter(|quiet| Instant::now() < quiet.until)?;
        Some(Outcome::Retry { after: Some(*asked), fault: fault.clone() })
    }

    /// Since when it was not shown otherwise.
    pub(super) fn is_rejected(&self) -> bool {
        self.rejected.is_some()
    }

    /// Whether our credentials ever counted.
    pub(super) fn is_proven(&self) -> bool {
        !self.given.is_empty()
    }

    /// As [`Store::witnesses`]. While our credentials don't count as far as we know, one call is enough to show whether they
    /// still don't; only of a group that never had a token it shows nothing.
    pub(super) fn witnesses_against(&self, group: &GroupAcronym) -> Vec<GroupAcronym> {
        let shows_it = self.given.is_empty() || self.given.contains_key(group);
        if self.is_rejected() && shows_it { Vec::new() } else { self.witnesses(group) }
    }

    /// Whose token would show that a refusal is about `group` and not about us: the group that was given one last, else
    /// some that somebody wants.
    pub(super) fn witnesses(&self, group: &GroupAcronym) -> Vec<GroupAcronym> {
        let given = self.given.iter().filter(|(other, _)| *other != group).max_by_key(|(_, at)| **at);
        if let Some((known, _)) = given {
            return vec![known.clone()];
        }
        let wanted = self.refused_together.iter().flat_map(|(_, groups)| groups);
        let is_open = |other: &&GroupAcronym| *other != group && !self.refused.contains_key(*other);
        wanted.filter(is_open).take(REFUSALS_THAT_COUNT - 1).cloned().collect()
    }
}

pub(super) fn credentials_fault(refusal: &Fault) -> Fault {
    let words = format!(
        "Meetecho gives no token for client_id and client_secret of [meetecho]; check both ({})",
        refusal.words
    );
    Fault::new(Why::CredentialsRejected, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(acronym: &str) -> GroupAcronym {
        GroupAcronym::new(acronym)
    }

    fn token(group: &GroupAcronym) -> BTreeMap<GroupAcronym, SecretString> {
        [(group.clone(), SecretString::from("t"))].into()
    }

    fn known(store: &Store, group: &GroupAcronym) -> Option<(&'static str, Why)> {
        let outcome = store.known_failure::<()>(group)?;
        Some((outcome.word(), outcome.fault()?.why))
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_group_comes_back_after_ten_minutes() {
        let (bad, good) = (group("bad"), group("good"));
        let mut store = Store::default();
        store.take(&[&good], token(&good));
        let outcome: Outcome<()> = store.refuse(&bad, "no");
        assert_eq!(outcome.word(), "refused");
        assert!(!store.belongs_in_a_batch(&bad) && !store.belongs_in_a_batch(&good));
        assert_eq!(known(&store, &bad), Some(("refused", Why::GroupUnknown)));
        assert_eq!(known(&store, &good), None);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(known(&store, &bad), None, "whoever needs it may ask for it alone");
        assert!(!store.belongs_in_a_batch(&bad));
        tokio::time::advance(LEFT_OUT).await;
        assert!(store.belongs_in_a_batch(&bad));
    }

    #[tokio::test(start_paused = true)]
    async fn rejected_credentials_are_everybodys_trouble_and_for_a_moment_only() {
        let (one, other) = (group("one"), group("other"));
        let mut store = Store::default();
        let outcome: Outcome<()> = store.reject(&Fault::new(Why::CredentialsRejected, "no"));
        assert_eq!(outcome.word(), "retry");
        for group in [&one, &other] {
            assert_eq!(known(&store, group), Some(("retry", Why::CredentialsRejected)));
        }
        tokio::time::advance(REJECTED).await;
        assert_eq!(known(&store, &one), None, "somebody may have put it right");
        assert!(!store.may_ask_together(), "one call for one group shows it");
        store.take(&[&one], token(&one));
        assert!(store.may_ask_together() && !store.is_rejected());
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_was_given_a_token_is_the_best_witness() {
        let groups = ["a", "b", "c", "d"].map(group);
        let [a, b, c, d] = &groups;
        let mut store = Store::default();
        assert_eq!(store.witnesses(a), []);
        store.refuse_together(&[a, b, c, d]);
        assert!(!store.may_ask_together());
        assert_eq!(store.witnesses(a), [b.clone(), c.clone()]);
        store.refuse::<()>(b, "no");
        assert_eq!(store.witnesses(a), [c.clone(), d.clone()]);
        store.take(&[d], token(d));
        assert_eq!(store.witnesses(a), std::slice::from_ref(d));
        assert_eq!(store.witnesses(d), [a.clone(), c.clone()]);
        tokio::time::advance(REMEMBERED).await;
        assert!(store.may_ask_together());
        store.reject::<()>(&Fault::new(Why::CredentialsRejected, "no"));
        assert_eq!(store.witnesses_against(d), [], "the one call shows whether we count again");
        assert_eq!(store.witnesses_against(a), std::slice::from_ref(d), "it may be unknown, and we count");
    }
}
