//! Tokens: one per group, asked for once, kept until somebody is told that it no longer counts.
//!
//! Many callers that need the same group's token at once cause one call and share what comes of it, be it a token
//! or a failure. The groups of a plan come in one call; where that is refused, each is asked for when somebody needs it,
//! so that one group which Meetecho does not know neither stops nor delays the others.
//!
//! A token call that is refused is about the group, or about us, and the status alone does not tell. So another group
//! is asked for: given its token, Meetecho does not know the first group (`group_unknown`, refused, its own trouble);
//! refused as well, Meetecho does not know us (`credentials_rejected`). The latter is everybody's trouble and somebody
//! may put it right at any moment, so it is said as [`Outcome::Retry`], as of a provider that is down. While it lasts
//! one call for one group is all that is made, and none within a second of the last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::caller::Caller;
use super::judge;
use super::reading;
use super::wire::Call;
use crate::model::{Fault, GroupAcronym, Outcome, Why};
use crate::transport::Scrubber;

mod store;

use store::{Quiet, Store, credentials_fault};

/// A call that failed only after this long, mostly by no answer at all, is not made again for as long by the next
/// who needs the token: every group would wait through a timeout of its own.
const SLOW: Duration = Duration::from_millis(500);
/// So long at the most Meetecho is left alone where it said when to come back.
const LONGEST_QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Auth {
    store: Mutex<Store>,
    /// One lock per group: who holds it is asking.
    turns: Mutex<BTreeMap<GroupAcronym, Turn>>,
    /// Held by who finds out whether our credentials count; always taken last.
    proving: tokio::sync::Mutex<()>,
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
        if let Some(outcome) = self.store().known_failure(group) {
            return outcome;
        }
        let began = Instant::now();
        let outcome = self.ask_for_one(caller, group).await;
        asked.note(began, outcome.clone());
        outcome
    }

    pub(super) fn has(&self, group: &GroupAcronym) -> bool {
        self.cached(group).is_some()
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.store().is_rejected()
    }

    /// Asks for all the groups that have no token yet in one call. What fails shows when a token is needed. Groups that
    /// somebody is asking for right now are left to him.
    pub(super) async fn prefetch(&self, caller: &Caller, groups: &BTreeSet<GroupAcronym>) {
        let missing: Vec<_> = {
            let store = self.store();
            if !store.may_ask_together() {
                return;
            }
            groups.iter().filter(|group| store.belongs_in_a_batch(group)).collect()
        };
        let take_turn = |group| Some((group, self.turn(group).try_lock_owned().ok()?));
        let mut turns: Vec<_> = missing.into_iter().filter_map(take_turn).collect();
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

    /// In one call. One that is refused says nothing of any single group.
    async fn ask_for_several(&self, caller: &Caller, groups: &[&GroupAcronym]) -> Outcome<()> {
        let outcome = self.ask(caller, groups).await;
        match outcome {
            Outcome::Applied(tokens) => {
                self.store().take(groups, tokens);
                Outcome::Applied(())
            }
            Outcome::Refused(fault) if is_refusal(&fault) => {
                self.store().refuse_together(groups);
                Outcome::Refused(fault)
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
        self.store().forget(group, rejected);
    }

    /// Knows the client's secret, every token in memory and this one credential.
    pub(super) fn scrubber(&self, caller: &Caller, bearer: Option<&SecretString>) -> Scrubber {
        let store = self.store();
        Scrubber::new(store.tokens.values().chain(bearer).chain([caller.client_secret()]))
    }

    /// The caller holds the group's turn.
    async fn ask_for_one(&self, caller: &Caller, group: &GroupAcronym) -> Outcome<SecretString> {
        // Credentials that never counted are tried by one at a time: many at once would all be told the same.
        let is_proven = self.store().is_proven();
        let proving = if is_proven { None } else { Some(self.proving.lock().await) };
        if proving.is_some()
            && let Some(outcome) = self.store().known_failure(group)
        {
            return outcome;
        }
        match self.ask(caller, &[group]).await {
            Outcome::Applied(tokens) => {
                let mut store = self.store();
                store.take(&[group], tokens);
                match store.tokens.get(group) {
                    Some(token) => Outcome::Applied(token.clone()),
                    None => store.known_failure(group).expect("just recorded"),
                }
            }
            Outcome::Refused(fault) if is_refusal(&fault) => {
                let _proving = match proving {
                    Some(proving) => proving,
                    None => self.proving.lock().await,
                };
                self.blame(caller, group, &fault).await
            }
            Outcome::Refused(fault) => Outcome::Refused(fault),
            Outcome::InDoubt(fault) => Outcome::Retry { after: None, fault },
            Outcome::Retry { after, fault } => Outcome::Retry { after, fault },
        }
    }

    /// Whether a refusal is about the group or about us. The caller holds `proving`.
    async fn blame(&self, caller: &Caller, group: &GroupAcronym, refusal: &Fault) -> Outcome<SecretString> {
        if let Some(outcome) = self.store().known_failure(group) {
            return outcome;
        }
        let witnesses = self.store().witnesses_against(group);
        for witness in &witnesses {
            match self.ask(caller, &[witness]).await {
                Outcome::Applied(tokens) => {
                    let mut store = self.store();
                    store.take(&[witness], tokens);
                    return store.refuse(group, &refusal.words);
                }
                Outcome::Refused(fault) if is_refusal(&fault) => {}
                Outcome::Refused(fault) | Outcome::InDoubt(fault) => {
                    return Outcome::Retry { after: None, fault };
                }
                Outcome::Retry { after, fault } => return Outcome::Retry { after, fault },
            }
        }
        let mut store = self.store();
        // With nobody else to ask for, the status is all there is.
        if witnesses.is_empty() && !store.is_rejected() && refusal.why == Why::GroupUnknown {
            return store.refuse(group, &refusal.words);
        }
        store.reject(refusal)
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
