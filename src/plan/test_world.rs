//! A small world for tests: sessions, ledger, rooms and policy with everyday values, and an ideal provider that does
//! what a plan says.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::inputs::{Ask, Inputs};
use super::make::make;
use super::types::Plan;
use crate::model::*;

mod ideal;

pub(crate) const PREFIX: &str = "https://meetings.conf.meetecho.com/interim/";

/// Tuesday noon. Every world is looked at now.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-17T12:00:00Z".parse().expect("a time")
}

pub(crate) fn minutes(from_now: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(from_now)
}

/// A slot that starts so many minutes from now.
pub(crate) fn slot(from_now: i64, length: i64) -> Span {
    Span::of_minutes(minutes(from_now), length)
}

pub(crate) fn deck(id: i64, rev: &str, order: i32) -> Deck {
    let title = format!("Deck {id}");
    Deck { id: DeckId(id), title, url: format!("https://example.org/{id}-{rev}"), rev: rev.into(), order }
}

pub(crate) fn decks(ids: &[i64]) -> Vec<Deck> {
    ids.iter().zip(1..).map(|(id, order)| deck(*id, "00", order)).collect()
}

/// A session of an IETF week, live since ten minutes, with an hour's slot and no decks.
pub(crate) fn week(id: i64) -> Session {
    Session {
        id: SessionId(id),
        meeting: MeetingNumber::new("126"),
        meeting_type: "ietf".into(),
        group: GroupAcronym::new("moq"),
        name: String::new(),
        status: SessionStatus("sched".into()),
        slot: Some(slot(-10, 60)),
        time_zone: "Europe/Vienna".into(),
        remote_instructions: String::new(),
        tombstone_for: None,
        modified: minutes(-1440),
        decks: Vec::new(),
    }
}

/// An interim tomorrow at this time, for an hour, with a blank link.
pub(crate) fn interim(id: i64) -> Session {
    Session {
        meeting: MeetingNumber::new(format!("interim-2026-mars-{id:02}")),
        meeting_type: "interim".into(),
        group: GroupAcronym::new("mars"),
        slot: Some(slot(1440, 60)),
        ..week(id)
    }
}

pub(crate) fn with_decks(mut session: Session, decks: Vec<Deck>) -> Session {
    session.decks = decks.into_iter().map(|deck| LinkedDeck { deck, deleted: false }).collect();
    session
}

/// The room that a session's slot asks for, as the provider shows it. Its link holds nothing but its public id.
pub(crate) fn seen(session: &Session, public_id: &str) -> SeenRoom {
    let times = RoomTimes::of(session.slot.expect("a slot"));
    SeenRoom {
        room_id: session.id.0,
        public_id: public_id.into(),
        url: format!("{PREFIX}?short={public_id}"),
        description: session.meeting.to_string(),
        start: times.start,
        duration_min: times.duration_min,
    }
}

pub(crate) fn recorded(room: &SeenRoom, group: &str) -> RoomRecord {
    RoomRecord {
        public_id: room.public_id.clone(),
        url: room.url.clone(),
        group: GroupAcronym::new(group),
        sent: room.times(),
        adopted: false,
        former_url: None,
        gone: false,
    }
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) ledger: LedgerView,
    pub(crate) rooms: RoomsSeen,
    pub(crate) policy: Policy,
    pub(crate) ask: Ask,
    made: usize,
}

impl World {
    pub(crate) fn of(sessions: impl IntoIterator<Item = Session>) -> Self {
        let sessions: Vec<Session> = sessions.into_iter().collect();
        let mut rooms = RoomsSeen::default();
        for session in sessions.iter().filter(|session| session.is_interim()) {
            rooms.by_group.entry(session.group.clone()).or_default();
        }
        let mut siblings: Vec<Sibling> = sessions
            .iter()
            .filter(|session| session.is_interim())
            .filter_map(|session| {
                let start = session.slot?.start;
                Some(Sibling { meeting: session.meeting.clone(), session: session.id, start })
            })
            .collect();
        siblings.sort_by_key(|sibling| (sibling.meeting.clone(), sibling.start, sibling.session));
        let snapshot = Snapshot {
            version: SNAPSHOT_VERSION,
            as_of: now(),
            known_until: now(),
            complete: true,
            unread: BTreeMap::new(),
            in_range: sessions.len(),
            sessions,
            siblings,
        };
        let (ledger, ask) = (LedgerView::default(), Ask::default());
        Self { snapshot, ledger, rooms, policy: policy(), ask, made: 0 }
    }

    /// As a reading without these columns gives it.
    pub(crate) fn cannot_read(&mut self, kind: Kind) {
        self.snapshot.unread.insert(kind, "no column".into());
        for session in &mut self.snapshot.sessions {
            match kind {
                Kind::Room => session.remote_instructions.clear(),
                Kind::Decks => session.decks.clear(),
            }
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        make(self.inputs())
    }

    pub(crate) fn inputs(&self) -> Inputs<'_> {
        let Self { snapshot, ledger, rooms, policy, ask, .. } = self;
        Inputs { snapshot, ledger, rooms, policy, ask }
    }

    pub(crate) fn session(&mut self, id: i64) -> &mut Session {
        let found = self.snapshot.sessions.iter_mut().find(|session| session.id.0 == id);
        found.expect("a session of this world")
    }

    pub(crate) fn row(&mut self, subject: SubjectKey) -> &mut Remembered {
        self.ledger.subjects.entry(subject).or_default()
    }

    /// The provider shows this room, to whoever reads the group.
    pub(crate) fn shows(mut self, group: &str, room: SeenRoom) -> Self {
        self.rooms.by_group.entry(GroupAcronym::new(group)).or_default().push(room);
        self
    }

    /// The ledger remembers this room as the session's.
    pub(crate) fn records(mut self, group: &str, room: &SeenRoom) -> Self {
        self.row(SubjectKey::room(SessionId(room.room_id))).room = Some(recorded(room, group));
        self
    }

    /// The session's own room: recorded, shown, and its URL in the session.
    pub(crate) fn has_room(mut self, id: i64) -> Self {
        let session = self.session(id);
        let room = seen(session, &format!("room-{id}"));
        session.remote_instructions.clone_from(&room.url);
        let group = session.group.to_string();
        self.records(&group, &room).shows(&group, room)
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        scope: ScopePolicy { mode: Mode::Act, groups: BTreeSet::new(), meetings: BTreeSet::new() },
        slides: SlidesPolicy {
            notify: NotifyTime::Minutes(15),
            include_deleted: false,
            materials: Materials::Put,
            provider_window: TimeDelta::minutes(15),
            refresh: TimeDelta::zero(),
            late_effect: TimeDelta::seconds(30),
            quiet: TimeDelta::seconds(2),
            max_wait: TimeDelta::seconds(10),
        },
        rooms: RoomsPolicy {
            powers: RoomPowers::Full,
            statuses: ["apprw", "appr", "scheda", "sched"].map(str::to_owned).into(),
            horizon: TimeDelta::days(180),
            settle: TimeDelta::seconds(60),
            quiet_before: TimeDelta::minutes(15),
            link_prefix: PREFIX.into(),
            description: "{meeting}".into(),
            write_back: true,
            late_effect: TimeDelta::seconds(30),
        },
        guard: GuardPolicy { max_deletes: 5, max_creates: 20, max_sessions: 10, per: TimeDelta::hours(1) },
    }
}

/// A plan in a few words, for tables: operations by subject, refusals and waits by code.
pub(crate) fn told(plan: &Plan) -> String {
    let kind = |subject: SubjectKey| format!("{}/{}", subject.kind.as_str(), subject.session);
    let changes = plan.changes.iter().map(|change| {
        let names: Vec<String> = change
            .operations
            .iter()
            .map(|operation| {
                let value = serde_json::to_value(operation).expect("plain");
                value["op"].as_str().expect("a name").to_owned()
            })
            .collect();
        format!("{}: {}", kind(change.subject), names.join("+"))
    });
    let refusals = plan.refusals.iter().map(|refusal| {
        let about = refusal.subject.map_or_else(|| "all".to_owned(), kind);
        format!("{about}! {}", refusal.rule)
    });
    let waits = plan.waits.iter().map(|wait| format!("{}? {}", kind(wait.subject), wait.reason));
    changes.chain(refusals).chain(waits).collect::<Vec<_>>().join("; ")
}

/// The same, of rooms only.
pub(crate) fn rooms_told(world: &World) -> String {
    let mut world = world.clone();
    world.ask.scope.kinds = KindFilter::RoomsOnly;
    told(&world.plan())
}

/// The same, of decks only.
pub(crate) fn decks_told(world: &World) -> String {
    let mut world = world.clone();
    world.ask.scope.kinds = KindFilter::SlidesOnly;
    told(&world.plan())
}
