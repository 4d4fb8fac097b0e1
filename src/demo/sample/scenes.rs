//! What people do to a datatracker, one edit at a time, as the SQL that its web pages would cause.
//!
//! Only pure text is made here; who runs it, and what follows, is the story's business. Every edit takes the session
//! that it is about, and works on any datatracker with the sample's tables.

use crate::model::SessionId;

/// In progress, five decks.
pub const LIVE: SessionId = SessionId(36001);
/// In progress too, six decks.
pub const LIVE_TOO: SessionId = SessionId(36003);
/// Starts within minutes: in its window, not live.
pub const SOON: SessionId = SessionId(36009);
/// Later today: not in its window yet.
pub const LATER: SessionId = SessionId(36014);
/// A future interim that wants a room.
pub const INTERIM: SessionId = SessionId(36101);
/// Another one.
pub const OTHER_INTERIM: SessionId = SessionId(36104);
/// The first of an interim's two days.
pub const TWO_DAYS: SessionId = SessionId(36105);
/// A future interim with a person's own link.
pub const OWN_LINK: SessionId = SessionId(36112);

/// One edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The session whose state at the provider this should change.
    pub session: SessionId,
    /// What happened, as a sentence without its end: `a chair adds the deck "Late news" to session 36001`.
    pub tells: String,
    /// Runs as one simple query.
    pub sql: String,
}

/// A new deck at the end of the session's list, at revision 00.
pub fn add_deck(session: SessionId, title: &str) -> Edit {
    let (title_sql, slug) = (literal(title), literal(&slug(title)));
    let sql = format!(
        r#"
WITH place AS (
    SELECT s.id AS session_id, s.group_id,
        'slides-' || m.number || '-' || g.acronym || '-' || {slug} AS name,
        (SELECT coalesce(max(p."order"), 0) + 1 FROM public.meeting_session_materials p WHERE p.session_id = s.id) AS "order"
    FROM public.meeting_session s
    JOIN public.meeting_meeting m ON m.id = s.meeting_id
    JOIN public.group_group g ON g.id = s.group_id
    WHERE s.id = {session}
), document AS (
    INSERT INTO public.doc_document (name, "time", title, abstract, rev, notify, external_url, uploaded_filename, note,
        keywords, group_id, type_id)
    SELECT name, now(), {title_sql}, '', '00', '', '', name || '-00.pdf', '', '[]', group_id, 'slides' FROM place
    RETURNING id
), states AS (
    INSERT INTO public.doc_document_states (document_id, state_id)
    SELECT document.id, st.id FROM document, public.doc_state st
    WHERE (st.type_id, st.slug) IN (('slides', 'active'), ('reuse_policy', 'single'))
)
INSERT INTO public.meeting_session_materials (session_id, document_id, rev, "order")
SELECT place.session_id, document.id, '00', place."order" FROM place, document;
"#
    );
    Edit { session, tells: format!("a chair adds the deck \"{title}\" to session {session}"), sql }
}

/// The next revision of the deck at `place` in the session's list, counted from 1.
pub fn revise_deck(session: SessionId, place: u32) -> Edit {
    let deck = deck_at(session, place);
    let sql = format!(
        r#"
{deck}
, revised AS (
    UPDATE public.doc_document d SET rev = to_char(d.rev::int + 1, 'FM00'), "time" = now(),
        uploaded_filename = d.name || '-' || to_char(d.rev::int + 1, 'FM00') || '.pdf'
    FROM deck WHERE d.id = deck.document_id
    RETURNING d.id, d.rev
)
UPDATE public.meeting_session_materials p SET rev = revised.rev
FROM revised WHERE p.document_id = revised.id AND p.session_id = {session};
"#
    );
    Edit {
        session,
        tells: format!("a chair uploads a new revision of deck {place} of session {session}"),
        sql,
    }
}

/// The session's last deck goes first, and all are numbered again from 1.
pub fn last_deck_first(session: SessionId) -> Edit {
    let sql = format!(
        r#"
UPDATE public.meeting_session_materials p SET "order" = renumbered.place
FROM (
    SELECT listed.id, (listed.place % listed.all_of_them) + 1 AS place
    FROM (
        SELECT p.id, row_number() OVER (ORDER BY p."order", p.id) AS place, count(*) OVER () AS all_of_them
        FROM public.meeting_session_materials p JOIN public.doc_document d ON d.id = p.document_id
        WHERE p.session_id = {session} AND d.type_id = 'slides'
    ) AS listed
) AS renumbered
WHERE p.id = renumbered.id;
"#
    );
    Edit { session, tells: format!("a chair moves the last deck of session {session} to the front"), sql }
}

/// The deck at `place` in the session's list, counted from 1, is no longer linked. The document stays.
pub fn remove_deck(session: SessionId, place: u32) -> Edit {
    let deck = deck_at(session, place);
    let sql = format!(
        "{deck}\nDELETE FROM public.meeting_session_materials p USING deck WHERE p.id = deck.link_id;"
    );
    Edit { session, tells: format!("a chair removes deck {place} from session {session}"), sql }
}

/// The session's slots start later by this many minutes (earlier, if negative). As in the real form, the session's
/// own row stays as it is (datatracker #8548: the room keeps its old time).
pub fn move_interim(session: SessionId, minutes: i32) -> Edit {
    let sql = format!(
        r#"
UPDATE public.meeting_timeslot t SET "time" = t."time" + interval '{minutes} min', modified = now()
FROM public.meeting_schedtimesessassignment a
JOIN public.meeting_session s ON s.id = a.session_id
JOIN public.meeting_meeting m ON m.id = s.meeting_id
WHERE a.session_id = {session} AND a.timeslot_id = t.id AND a.schedule_id = m.schedule_id;
"#
    );
    let (by, way) = (minutes.unsigned_abs(), if minutes < 0 { "earlier" } else { "later" });
    Edit {
        session,
        tells: format!("the interim of session {session} is moved to start {by} minutes {way}"),
        sql,
    }
}

/// A new scheduling event says that the session will not be. Its link stays, as the real page leaves it.
pub fn cancel(session: SessionId) -> Edit {
    let sql = format!(
        r#"
INSERT INTO public.meeting_schedulingevent (session_id, "time", status_id, by_id)
SELECT {session}, now(), 'canceled', min(id) FROM public.person_person;
"#
    );
    Edit { session, tells: format!("session {session} is cancelled"), sql }
}

/// Saving the interim's form blanks its link (datatracker #10689).
pub fn blank_link(session: SessionId) -> Edit {
    let sql = format!(
        "UPDATE public.meeting_session SET remote_instructions = '', modified = now() WHERE id = {session};"
    );
    Edit {
        session,
        tells: format!("somebody saves the form of session {session}, which blanks its link"),
        sql,
    }
}

/// Something that was called off takes place after all.
pub fn reinstate(session: SessionId) -> Edit {
    let sql = format!(
        r#"
INSERT INTO public.meeting_schedulingevent (session_id, "time", status_id, by_id)
SELECT {session}, now(), 'sched', min(id) FROM public.person_person;
"#
    );
    Edit { session, tells: format!("session {session} takes place after all"), sql }
}

/// A group asks for an interim so many days from now, at this hour in UTC, for two hours. Its meeting and the rest are
/// numbered after the session, which must be a new one.
pub fn new_interim(session: SessionId, group: &str, days: u32, hour: u32) -> Edit {
    let id = session.0;
    let group_sql = literal(group);
    let (meeting, schedule, slot, assignment) = (id + 100_000, id + 200_000, id + 300_000, id + 400_000);
    let sql = format!(
        r#"
INSERT INTO public.meeting_meeting (id, number, date, days, city, country, time_zone, idsubmit_cutoff_day_offset_00,
    idsubmit_cutoff_day_offset_01, idsubmit_cutoff_time_utc, idsubmit_cutoff_warning_days, submission_start_day_offset,
    submission_cutoff_day_offset, submission_correction_day_offset, venue_name, venue_addr, break_area, reg_area,
    agenda_info_note, agenda_warning_note, session_request_lock_message, proceedings_final, acknowledgements,
    show_important_dates, schedule_id, type_id)
VALUES ({meeting}, to_char(current_date + {days}, '"interim-"YYYY-') || {group_sql} || '-{id}', current_date + {days}, 1, '', '', 'UTC',
    13, 13, '23:59:59', '21 days', 90, 26, 50, '', '', '', '', '', '', '', false, '', false, {schedule}, 'interim');
INSERT INTO public.meeting_schedule (id, name, visible, public, notes, meeting_id, owner_id)
VALUES ({schedule}, 'agenda', true, true, '', {meeting}, 1);
INSERT INTO public.meeting_session (id, name, short, agenda_note, requested_duration, comments, modified, remote_instructions,
    on_agenda, has_onsite_tool, chat_room, meetecho_recording_name, group_id, meeting_id, purpose_id, type_id)
SELECT {id}, '', '', '', '2 hours', '', now(), '', true, false, {group_sql}, '', g.id, {meeting}, 'regular', 'regular'
FROM public.group_group g WHERE g.acronym = {group_sql};
INSERT INTO public.meeting_timeslot (id, name, "time", duration, show_location, modified, meeting_id, type_id)
VALUES ({slot}, '', ((current_date + {days}) + {hour} * interval '1 hour') AT TIME ZONE 'UTC', '2 hours', true, now(), {meeting}, 'regular');
INSERT INTO public.meeting_schedtimesessassignment (id, modified, pinned, schedule_id, session_id, timeslot_id)
VALUES ({assignment}, now(), false, {schedule}, {id}, {slot});
INSERT INTO public.meeting_schedulingevent (session_id, "time", status_id, by_id)
SELECT {id}, now(), 'scheda', min(id) FROM public.person_person;
"#
    );
    Edit { session, tells: format!("{group} asks for an interim, session {session}"), sql }
}

/// What the datatracker saves when a room was made at its own call, whatever stood there.
pub fn save_link(session: SessionId, link: &str) -> Edit {
    let link = literal(link);
    let sql = format!(
        "UPDATE public.meeting_session SET remote_instructions = {link}, modified = now() WHERE id = {session};"
    );
    Edit { session, tells: format!("the room's link is saved into session {session}"), sql }
}

/// The start of a statement that names a deck by its place in the list.
fn deck_at(session: SessionId, place: u32) -> String {
    format!(
        r#"
WITH deck AS (
    SELECT link_id, document_id FROM (
        SELECT p.id AS link_id, p.document_id, row_number() OVER (ORDER BY p."order", p.id) AS place
        FROM public.meeting_session_materials p JOIN public.doc_document d ON d.id = p.document_id
        WHERE p.session_id = {session} AND d.type_id = 'slides'
    ) AS listed
    WHERE place = {place}
)"#
    )
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A title as a part of a document's name.
fn slug(title: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let words: String = title.replace('\'', "").chars().map(plain).collect();
    words.split_whitespace().collect::<Vec<_>>().join("-")
}
