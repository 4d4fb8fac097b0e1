//! Tokens: one per group, asked for once, kept until somebody is told that it no longer counts.
//!
//! Many callers that need the same group's token at once cause one call and share what comes of it, be it a token
//! or a failure. The groups of a plan come in one call; where that is refused they are asked for one by one, so
//! that one group which Meetecho does not know can't stop the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::caller::Caller;
use super::judge;
use super::reading;
use super::wire::Call;
use crate::model::{Fault, GroupAcronym, Outcome, Why};
use crate::planted::{self, Bug};
use crate::transport::Scrubber;

/// A refused group is left out of common calls for so long.
const LEFT_OUT: Duration = Duration::from_mins(10);
/// A refusal is not asked for again for so long, however many sessions the group has.
const REMEMBERED: Duration = Duration::from_mins(1);
/// So many refusals, and no token at all within [`LEFT_OUT`], mean that not the groups are the trouble.
const REFUSALS_THAT_STOP: u32 = 3;
/// A call that failed only after this long, mostly by no answer at all, is not made again for as long by the next
/// who needs the token: every group would wait through a timeout of its own.
const SLOW: Duration = Duration::from_millis(500);
/// So long at the most Meetecho is left alone where it said when to come back.
const LONGEST_QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Auth {
    store: Mutex<Store>,
    /// One lock per group: who holds it is asking. Taken in the groups' order where several are needed.
    turns: Mutex<BTreeMap<GroupAcronym, Turn>>,
}

type Turn = Arc<tokio::sync::Mutex<Asked>>;

/// How the last call for a group ended, and how many there were: who waited for one takes its result.
#[derive(Debug, Default)]
struct Asked {
    last: Option<(Instant, Outcome<SecretString>)>,
    was_slow: bool,
}

impl Asked {
    fn note(&mut self, began: Instant, outcome: Outcome<SecretString>) {
        self.was_slow = began.elapsed() >= SLOW;
        self.last = Some((Instant::now(), outcome));
    }

    /// The failure that whoever came at `came` shares.
    fn shared(&self, came: Instant) -> Option<&Outcome<SecretString>> {
        let (at, outcome) = self.last.as_ref()?;
        let is_fresh = came < *at || (self.was_slow && at.elapsed() < SLOW);
        (is_fresh && outcome.fault().is_some()).then_some(outcome)
    }
}

#[derive(Debug, Default)]
struct Store {
    tokens: BTreeMap<GroupAcronym, SecretString>,
    refused: BTreeMap<GroupAcronym, Refusal>,
    refusals: u32,
    last_success: Option<Instant>,
    stopped: Option<Refusal>,
    /// Meetecho said when to come back, and until then every call would only be told the same.
    quiet: Option<Quiet>,
}

#[derive(Debug)]
struct Quiet {
    until: Instant,
    asked: Duration,
    fault: Fault,
}

#[derive(Debug, Clone)]
struct Refusal {
    at: Instant,
    fault: Fault,
}

impl Auth {
    /// The group's token, from memory or from Meetecho.
    pub(super) async fn token(&self, caller: &Caller, group: &GroupAcronym) -> Outcome<SecretString> {
        if let Some(token) = self.cached(group) {
            return Outcome::Applied(token);
        }
        let came = Instant::now();
        let turn = self.turn(group);
        let mut asked = turn.lock().await;
        if let Some(token) = self.cached(group) {
            return Outcome::Applied(token);
        }
        if let Some(outcome) = asked.shared(came) {
            return outcome.clone();
        }
        if let Some(outcome) = self.store().quiet() {
            return outcome;
        }
        if let Some(fault) = self.store().remembered_refusal(group) {
            return Outcome::Refused(fault);
        }
        let began = Instant::now();
        let outcome = self.ask_for_one(caller, group).await;
        asked.note(began, outcome.clone());
        outcome
    }

    /// Asks for all the groups that have no token yet in one call. What fails shows when a token is needed.
    pub(super) async fn prefetch(&self, caller: &Caller, groups: &BTreeSet<GroupAcronym>) {
        let missing: Vec<_> = {
            let store = self.store();
            if store.stop_fault().is_some() || store.quiet::<()>().is_some() {
                return;
            }
            groups.iter().filter(|group| store.belongs_in_a_batch(group)).collect()
        };
        // A set is ordered, so two of these can't wait for each other.
        let mut turns = Vec::with_capacity(missing.len());
        for group in missing {
            turns.push((group, self.turn(group).lock_owned().await));
        }
        // Somebody may have been asking for one of them until now.
        turns.retain(|(group, _)| self.store().belongs_in_a_batch(group));
        let asked_for: Vec<&GroupAcronym> = turns.iter().map(|(group, _)| *group).collect();
        let began = Instant::now();
        let outcome = match asked_for.as_slice() {
            [] => return,
            [only] => self.ask_for_one(caller, only).await.map(|_| ()),
            several => self.ask_for_several(caller, several).await,
        };
        // Those who waited meanwhile share the failure instead of waiting through one of their own each.
        if let Outcome::Retry { after, fault } = outcome {
            for (_, asked) in &mut turns {
                asked.note(began, Outcome::Retry { after, fault: fault.clone() });
            }
        }
    }

    /// In one call, or one by one where that is refused.
    async fn ask_for_several(&self, caller: &Caller, groups: &[&GroupAcronym]) -> Outcome<()> {
        let outcome = self.ask(caller, groups).await;
        match outcome {
            Outcome::Applied(tokens) => {
                self.store().take(groups, tokens);
                Outcome::Applied(())
            }
            Outcome::Refused(fault) if is_refusal(&fault) => {
                self.ask_one_by_one(caller, groups).await;
                Outcome::Applied(())
            }
            other => other.map(|_| ()),
        }
    }

    /// One call that only shows whether the credentials count. With a group, its token is kept.
    pub(super) async fn check(&self, caller: &Caller, group: Option<&GroupAcronym>) -> Outcome<()> {
        match group {
            Some(group) => {
                let turn = self.turn(group);
                let mut asked = turn.lock().await;
                let began = Instant::now();
                let outcome = self.ask_for_one(caller, group).await;
                asked.note(began, outcome.clone());
                outcome.map(|_| ())
            }
            None => match self.ask(caller, &[]).await {
                Outcome::Refused(fault) if is_refusal(&fault) => Outcome::Refused(credentials_fault(&fault)),
                outcome => outcome.map(|_| ()),
            },
        }
    }

    /// Forgets this one value: if somebody has fetched a new one meanwhile, that stays.
    pub(super) fn forget(&self, group: &GroupAcronym, rejected: &SecretString) {
        let mut store = self.store();
        if store.tokens.get(group).is_some_and(|token| token.expose_secret() == rejected.expose_secret()) {
            store.tokens.remove(group);
        }
    }

    /// Knows the client's secret, every token in memory and this one credential.
    pub(super) fn scrubber(&self, caller: &Caller, bearer: Option<&SecretString>) -> Scrubber {
        let store = self.store();
        Scrubber::new(store.tokens.values().chain(bearer).chain([caller.client_secret()]))
    }

    async fn ask_one_by_one(&self, caller: &Caller, groups: &[&GroupAcronym]) {
        for group in groups {
            let outcome = self.ask_for_one(caller, group).await;
            let down = matches!(outcome, Outcome::Retry { .. } | Outcome::InDoubt(_));
            if down || self.store().stop_fault().is_some() {
                return;
            }
        }
    }

    /// The caller holds the group's turn.
    async fn ask_for_one(&self, caller: &Caller, group: &GroupAcronym) -> Outcome<SecretString> {
        match self.ask(caller, &[group]).await {
            Outcome::Applied(tokens) => {
                let mut store = self.store();
                store.take(&[group], tokens);
                match store.tokens.get(group) {
                    Some(token) => Outcome::Applied(token.clone()),
                    None => Outcome::Refused(store.fault_of(group).expect("just recorded")),
                }
            }
            Outcome::Refused(fault) if is_refusal(&fault) => {
                let mut store = self.store();
                store.refuse(group, fault);
                Outcome::Refused(store.fault_of(group).expect("just recorded"))
            }
            Outcome::Refused(fault) => Outcome::Refused(fault),
            Outcome::InDoubt(fault) => Outcome::Retry { after: None, fault },
            Outcome::Retry { after, fault } => Outcome::Retry { after, fault },
        }
    }

    async fn ask(
        &self,
        caller: &Caller,
        groups: &[&GroupAcronym],
    ) -> Outcome<BTreeMap<GroupAcronym, SecretString>> {
        let body = caller.tokens_body(groups);
        let answer = caller.call(Call::Tokens, None, Some(body), &AtomicU64::new(0)).await;
        let outcome =
            judge::with_data(Call::Tokens, answer, &self.scrubber(caller, None), reading::parse_tokens);
        if let Outcome::Retry { after: Some(asked), fault } = &outcome {
            let until = Instant::now() + (*asked).min(LONGEST_QUIET);
            self.store().quiet = Some(Quiet { until, asked: *asked, fault: fault.clone() });
        }
        outcome
    }

    fn cached(&self, group: &GroupAcronym) -> Option<SecretString> {
        self.store().tokens.get(group).cloned()
    }

    fn turn(&self, group: &GroupAcronym) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(group.clone()).or_default())
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // Each change is one insertion: nothing is ever left half done.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Meetecho said no to the credentials or to a group (and not, say, to the address).
fn is_refusal(fault: &Fault) -> bool {
    matches!(fault.why, Why::CredentialsRejected | Why::GroupUnknown)
}

impl Store {
    /// Whatever an answer brought; a group that it left out counts as refused.
    fn take(&mut self, asked_for: &[&GroupAcronym], mut tokens: BTreeMap<GroupAcronym, SecretString>) {
        self.last_success = Some(Instant::now());
        self.refusals = 0;
        self.stopped = None;
        for &group in asked_for {
            if let Some(token) = tokens.remove(group) {
                self.tokens.insert(group.clone(), token);
                self.refused.remove(group);
            } else {
                let fault =
                    Fault::new(Why::GroupUnknown, "its answer to POST auth/ietfservice/tokens left it out");
                self.refused.insert(group.clone(), Refusal { at: Instant::now(), fault });
            }
        }
    }

    fn refuse(&mut self, group: &GroupAcronym, fault: Fault) {
        let refusal = Refusal { at: Instant::now(), fault };
        self.refusals += 1;
        if self.refusals >= REFUSALS_THAT_STOP && !self.had_success_lately() {
            self.stopped = Some(refusal.clone());
        }
        self.refused.insert(group.clone(), refusal);
    }

    fn had_success_lately(&self) -> bool {
        self.last_success.is_some_and(|at| at.elapsed() < LEFT_OUT)
    }

    fn belongs_in_a_batch(&self, group: &GroupAcronym) -> bool {
        !self.tokens.contains_key(group)
            && self.refused.get(group).is_none_or(|refusal| refusal.at.elapsed() >= LEFT_OUT)
    }

    fn remembered_refusal(&self, group: &GroupAcronym) -> Option<Fault> {
        let fresh =
            |refusal: &&Refusal| refusal.at.elapsed() < REMEMBERED || planted::is(Bug::RefusalForEver);
        self.stop_fault().or_else(|| {
            self.refused.get(group).filter(fresh)?;
            self.fault_of(group)
        })
    }

    fn quiet<T>(&self) -> Option<Outcome<T>> {
        let Quiet { asked, fault, .. } = self.quiet.as_ref().filter(|quiet| Instant::now() < quiet.until)?;
        Some(Outcome::Retry { after: Some(*asked), fault: fault.clone() })
    }

    /// Set while no group is asked for any more.
    fn stop_fault(&self) -> Option<Fault> {
        let refusal = self.stopped.as_ref().filter(|refusal| refusal.at.elapsed() < REMEMBERED)?;
        Some(credentials_fault(&refusal.fault))
    }

    /// What a refusal means is seen by what else happened: with another group's token in hand it is the group.
    fn fault_of(&self, group: &GroupAcronym) -> Option<Fault> {
        if let Some(fault) = self.stop_fault() {
            return Some(fault);
        }
        let fault = &self.refused.get(group)?.fault;
        if fault.why == Why::CredentialsRejected && !self.had_success_lately() {
            return Some(credentials_fault(fault));
        }
        let words = format!("Meetecho gives no token for group {group}: {}", fault.words);
        Some(Fault::new(Why::GroupUnknown, words))
    }
}

fn credentials_fault(refusal: &Fault) -> Fault {
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

    fn said_no(why: Why) -> Fault {
        Fault::new(why, "Meetecho answered no")
    }

    fn token(group: &GroupAcronym) -> BTreeMap<GroupAcronym, SecretString> {
        [(group.clone(), SecretString::from("t"))].into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_group_comes_back_after_ten_minutes() {
        let (bad, good) = (group("bad"), group("good"));
        let mut store = Store::default();
        store.take(&[&good], token(&good));
        store.refuse(&bad, said_no(Why::CredentialsRejected));
        assert!(!store.belongs_in_a_batch(&bad) && !store.belongs_in_a_batch(&good));
        assert_eq!(store.remembered_refusal(&bad).expect("fresh").why, Why::GroupUnknown);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(store.remembered_refusal(&bad), None, "whoever needs it may ask for it alone");
        assert!(!store.belongs_in_a_batch(&bad));
        tokio::time::advance(LEFT_OUT).await;
        assert!(store.belongs_in_a_batch(&bad));
    }

    #[tokio::test(start_paused = true)]
    async fn three_refusals_stop_everything_unless_a_token_was_given_lately() {
        for why in [Why::CredentialsRejected, Why::GroupUnknown] {
            let mut store = Store::default();
            for n in 0..2 {
                store.refuse(&group(&format!("g{n}")), said_no(why));
                assert!(store.stop_fault().is_none());
            }
            store.refuse(&group("g2"), said_no(why));
            let other = group("never-asked-for");
            assert_eq!(store.remembered_refusal(&other).expect("stopped").why, Why::CredentialsRejected);
            // Somebody may have put it right: after a while one call may show it.
            tokio::time::advance(REMEMBERED).await;
            assert_eq!(store.remembered_refusal(&other), None);
            store.take(&[&other], token(&other));
            for n in 0..9 {
                store.refuse(&group(&format!("g{n}")), said_no(why));
            }
            assert!(store.stop_fault().is_none());
        }
    }
}
