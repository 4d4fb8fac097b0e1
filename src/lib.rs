//! meetsync keeps Meetecho in step with the IETF datatracker: slides of sessions, and rooms of interim meetings.
//!
//! It reads the datatracker's PostgreSQL (never its code), works out what each session should have, compares that with
//! what Meetecho last accepted, and sends the difference. It goes by how things *stand*, not by single edits: whatever
//! was missed, failed or stopped halfway is put right by the next run, which compares again.
//!
//! How to run it is in `README.md`, how to work on it in `CONTRIBUTING.md`. This page is the map of the house.
//!
//! # The way of the data
//!
//! ```text
//! rows of the datatracker      datatracker   one read-only transaction, only the columns that are needed
//!   -> model::Snapshot         model         what there is, at one instant; `export` writes it, `plan --from` reads it
//!   -> what should be          desired       which decks, which room, is the window open?               pure
//!   -> plan::Plan              plan          changes, refusals, waits: printable, and with a hash       pure
//!   -> a lease, marked         ledger        who works on it, and that doubt begins, in one transaction
//!   -> a request               provider      how Meetecho's API says it; tokens                         pure but for tokens
//!   -> a response              transport     live, or the debug backend: the only place that speaks to the network
//!   -> model::Outcome          provider      applied, retry, refused, in doubt                          pure
//!   -> believed, or in doubt   ledger        settled only by whoever still has the lease
//! ```
//!
//! Nothing is chosen after the plan: a change holds all that is needed to act. A rehearsal is the same code with another
//! transport and an overlay over the ledger. *Now* is the snapshot's `as_of` for everything that decides.
//!
//! # The rooms
//!
//! One crate; a room is a directory or a file right below `src`. What a room may use of ours is held by
//! `tests/it/architecture.rs`, which also compares this table with its own.
//!
//! | room | what it is | may use |
//! |---|---|---|
//! | [`model`] | the nouns as plain values: session, slot, deck, room, snapshot, what the ledger remembers, outcome, policy | nothing |
//! | [`planted`] | bugs that a test can switch on, to see that the simulation finds them; none in any other build | nothing |
//! | [`database`] | connections to PostgreSQL, and their TLS | `model` |
//! | [`schedule`] | pure arithmetic of waiting: tries, rates, leases, bursts, a dead provider, cron | `model`, `planted` |
//! | [`datatracker`] | reads a snapshot; writes one thing, the room link, by compare-and-set | `model`, `database` |
//! | [`ledger`] | our own tables: what was accepted, what may be there, doubt, leases, attempts | `model`, `schedule`, `database`, `planted` |
//! | [`transport`] | requests and answers, live or rehearsed; no secret reaches a log. It does not know what a room is | `schedule` |
//! | [`provider`] | Meetecho: its calls, its tokens, and how its answers are judged | `transport`, `model`, `planted` |
//! | [`desired`] | which decks and which room a session should have. Pure | `model`, `planted` |
//! | [`plan`] | the difference as a value, the guards, and its text. Pure | `model`, `desired`, `planted` |
//! | [`reconcile`] | reads the world, carries a plan out under leases, writes down how it ended | `model`, `datatracker`, `ledger`, `desired`, `plan`, `schedule`, `provider`, `transport`, `database`, `planted` |
//! | [`settings`] | file and environment to checked values | `model`, `schedule`, `database` |
//! | [`clock`] | the one place that asks what time it is | `model` |
//! | [`cron`] | rings at the moments of a pattern; the one place of the scheduler | `schedule` |
//! | [`shutdown`] | the signals that end the worker or wake it | nothing |
//! | [`systemd`] | what the service manager is told | nothing |
//! | [`telemetry`] | logs on stderr | `model` |
//! | [`demo`] | the throwaway database, the sample week, the stand-in Meetecho, the story | everything |
//! | [`cli`] | one file per command: wires, calls, prints | everything |
//! | `app` | settings in, wired objects out | everything |
//!
//! `reqwest` is named in `transport/live.rs` only; diesel in `datatracker`, `ledger` and `database` only; the scheduler in
//! `cron.rs`, and the parser of its patterns in `schedule/cron.rs`, only. What must have one home (the clock, the
//! environment, an HTTP client, loose tasks) is banned elsewhere by `clippy.toml`, each with its reason.
//!
//! # A chair uploads slides three minutes before the session
//!
//! The datatracker stores the file, and a row of `meeting_session_materials` more. Then `meetsync resync` runs:
//!
//! 1. [`cli`] parses the line, [`settings`] reads the file and the environment, and `app` wires the objects.
//! 2. [`reconcile::read_world`] has [`datatracker`] read a [`model::Snapshot`], the ledger's view of the same sessions
//!    ([`ledger`]), and, where rooms matter, Meetecho's rooms. A read that failed or is not complete plans nothing.
//! 3. [`reconcile::World::plan`] asks [`desired`] what the session should have. The window is open since twelve minutes
//!    ([`desired::gate`]), so the list counts. [`plan`] finds one deck more than was accepted, and makes it one
//!    [`plan::Change`]: add the deck, spoken as one PUT of the whole list. [`plan::plan_text`] prints it.
//! 4. [`reconcile::resync`] fetches the tokens of all groups in one call, and goes through the changes, live sessions and
//!    those about to start first. For this one, one transaction takes the session's lease, puts the subject in doubt and
//!    notes the ids that may be over there from now on ([`ledger::Ledger::lease_and_begin`]). Where the belief has changed
//!    since the plan was made, because another run was faster, the planner is asked once more.
//! 5. [`provider::meetecho::Meetecho::set_decks`] writes the request, the token goes into its header, and
//!    [`transport::Transport::send`] sends it, within the rate and the number of requests at once.
//! 6. The answer is judged. *202*: applied; the list is what we believe, and doubt ends. *Refused connection, 429*: not
//!    processed, so the belief from before holds; up to three tries. *Timeout, 5xx, a page of HTML*: in doubt; the next
//!    try sends the whole list, and one more confirms it `meetecho.late_effect` after success, since the lost request may
//!    still arrive late. *Other 4xx*: refused, and told to the person who ran this.
//! 7. [`ledger::Ledger::settle_and_release`] writes the belief, the attempt and the end of the lease in one transaction, if
//!    the lease is still ours. A process killed between 4 and 7 leaves doubt, never a false belief.
//! 8. [`cli`] prints what became of it; the exit status says the worst.
//!
//! What is known then is that the list was sent and accepted. That it is shown, nobody can ask Meetecho.

mod app;
pub mod cli;
pub mod clock;
pub mod cron;
pub mod database;
pub mod datatracker;
pub mod demo;
pub mod desired;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod planted;
pub mod provider;
pub mod reconcile;
pub mod schedule;
pub mod settings;
pub mod shutdown;
pub mod systemd;
pub mod telemetry;
pub mod transport;
