-- Ten years of meetings, for benchmarks: 15,000 sessions, 60,000 linked decks, 150,000 documents, three draft schedules per
-- IETF meeting, 37,500 scheduling events, 250 interims to come, and an IETF week in progress around now().
--
-- Plain SQL, for an empty database that holds src/demo/sample/schema.sql. Every run gives the same rows; only the times
-- move with now(). Titles and names are numbered, not realistic.

BEGIN;

INSERT INTO public.auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
VALUES (1, '!', false, 'system', '', '', '', false, true, now() - interval '12 years');
INSERT INTO public.person_person (id, "time", name, plain, ascii, biography, photo, photo_thumb, user_id)
VALUES (1, now() - interval '12 years', '(System)', '', '(System)', '', '', '', 1);
INSERT INTO public.group_group (id, "time", name, description, list_email, list_subscribe, list_archive, comments,
    meeting_seen_as_area, used_roles, uses_milestone_dates, acronym, state_id, type_id)
SELECT n, now() - interval '11 years', 'Working Group ' || n, '', '', '', '', '', false, '[]', true, 'wg' || n, 'active', 'wg'
FROM generate_series(1, 150) AS n;
INSERT INTO public.doc_state (id, slug, name, used, "desc", "order", type_id) VALUES
(1, 'active', 'Active', true, '', 1, 'draft'),
(77, 'active', 'Active', true, '', 1, 'slides'),
(78, 'deleted', 'Deleted', true, '', 4, 'slides'),
(138, 'archived', 'Archived', true, '', 3, 'slides'),
(141, 'single', 'Single Meeting', true, '', 0, 'reuse_policy'),
(142, 'multiple', 'Multiple Meetings', true, '', 0, 'reuse_policy');

-- Sessions 1 to 8400: 30 IETF meetings of 280 (5 days of 7 slots on 8 tracks), 98 to 127, four months apart. Of the last
-- one, the fourth slot of the third day began 35 minutes ago.
-- Sessions 8401 to 15000: interims of one session each; the last 250 lie in the coming 180 days.
CREATE TEMPORARY TABLE plan ON COMMIT DROP AS
SELECT n AS session, 1 + (n - 1) / 280 AS meeting, 1 + n % 150 AS "group", 'ietf' AS type,
    date_trunc('minute', now()) - interval '35 min'
        + ((n - 1) / 280 - 29) * interval '2920 hours'
        + (((n - 1) % 280) / 56 - 2) * interval '1 day' + (((n - 1) % 56) / 8 - 3) * interval '2 hours' AS starts,
    interval '90 min' AS lasts
FROM generate_series(1, 8400) AS n
UNION ALL
SELECT n, n - 8370, 1 + n % 150, 'interim',
    CASE WHEN n <= 14750 THEN date_trunc('hour', now()) - (14751 - n) * interval '13 hours 45 min'
         ELSE date_trunc('hour', now()) + interval '1 day' + (n - 14751) * interval '17 hours' END,
    interval '60 min'
FROM generate_series(8401, 15000) AS n;

INSERT INTO public.meeting_meeting (id, number, date, days, city, country, time_zone, idsubmit_cutoff_day_offset_00,
    idsubmit_cutoff_day_offset_01, idsubmit_cutoff_time_utc, idsubmit_cutoff_warning_days, submission_start_day_offset,
    submission_cutoff_day_offset, submission_correction_day_offset, venue_name, venue_addr, break_area, reg_area,
    agenda_info_note, agenda_warning_note, session_request_lock_message, proceedings_final, acknowledgements,
    show_important_dates, schedule_id, type_id)
SELECT meeting,
    CASE type WHEN 'ietf' THEN (97 + meeting)::text
              ELSE format('interim-%s-wg%s-%s', to_char(min(starts), 'YYYY'), min("group"), to_char(meeting, 'FM0000')) END,
    min(starts)::date, 7, '', '', 'Europe/Vienna', 13, 13, '23:59:59', '21 days', 90, 26, 50, '', '', '', '', '', '', '', false, '', false,
    meeting * 10 + 1, type
FROM plan GROUP BY meeting, type;

-- Schedules of meeting m: 10 m = base (IETF only), 10 m + 1 = official, 10 m + 2 to 10 m + 4 = drafts (IETF only).
INSERT INTO public.meeting_schedule (id, name, visible, public, notes, base_id, meeting_id, owner_id)
SELECT id * 10, 'base', true, true, '', NULL::int, id, 1 FROM public.meeting_meeting WHERE type_id = 'ietf'
UNION ALL
SELECT id * 10 + 1, 'official', true, true, '', CASE type_id WHEN 'ietf' THEN id * 10 END, id, 1 FROM public.meeting_meeting
UNION ALL
SELECT id * 10 + 1 + draft, 'draft-' || draft, true, false, '', id * 10, id, 1
FROM public.meeting_meeting, generate_series(1, 3) AS draft WHERE type_id = 'ietf';

INSERT INTO public.meeting_session (id, name, short, agenda_note, requested_duration, comments, modified, remote_instructions,
    on_agenda, has_onsite_tool, chat_room, meetecho_recording_name, group_id, meeting_id, purpose_id, type_id)
SELECT session, '', '', '', lasts, '', least(starts, now()) - interval '20 days',
    CASE type WHEN 'interim' THEN 'https://meetings.conf.meetecho.com/interim/?session=' || session ELSE '' END,
    true, type = 'ietf', 'wg' || "group", '', "group", meeting, 'regular', 'regular'
FROM plan ORDER BY session;
INSERT INTO public.meeting_timeslot (id, name, "time", duration, show_location, modified, meeting_id, type_id)
SELECT session, '', starts, lasts, true, least(starts, now()) - interval '20 days', meeting, 'regular' FROM plan ORDER BY session;

-- Each session in its own slot, one in 56 through the base; in the drafts, in somebody else's slot of the same meeting.
INSERT INTO public.meeting_schedtimesessassignment (modified, pinned, schedule_id, session_id, timeslot_id)
SELECT now() - interval '20 days', false, meeting * 10 + CASE WHEN type = 'ietf' AND session % 56 = 0 THEN 0 ELSE 1 END, session, session
FROM plan
UNION ALL
SELECT now() - interval '20 days', false, meeting * 10 + 1 + draft, session, (meeting - 1) * 280 + 1 + (session * (draft + 4)) % 280
FROM plan, generate_series(1, 3) AS draft WHERE type = 'ietf';

-- Two events each, a third for every other session; a few sessions end cancelled, none of the interims to come.
INSERT INTO public.meeting_schedulingevent ("time", by_id, session_id, status_id)
SELECT now() - interval '60 days', 1, session, 'schedw' FROM plan
UNION ALL
SELECT now() - interval '30 days', 1, session, CASE WHEN session % 2 = 0 THEN 'scheda' ELSE 'sched' END FROM plan
UNION ALL
SELECT now() - interval '25 days', 1, session, CASE WHEN session % 40 = 0 AND session <= 14750 THEN 'canceled' ELSE 'sched' END FROM plan WHERE session % 2 = 0;

-- Four decks a session; documents 60,001 to 150,000 are drafts.
CREATE TEMPORARY TABLE deck ON COMMIT DROP AS
SELECT (p.session - 1) * 4 + place AS id, p.session, place, format('slides-%s-wg%s-%s-deck-%s',
    CASE p.type WHEN 'ietf' THEN m.number ELSE replace(m.number, 'interim-', 'interim') END, p."group", p.session, place) AS name,
    p."group", p.starts
FROM plan p JOIN public.meeting_meeting m ON m.id = p.meeting, generate_series(1, 4) AS place;
INSERT INTO public.doc_document (id, "time", title, abstract, rev, notify, external_url, uploaded_filename, note, keywords, name, group_id, type_id)
SELECT id, least(starts, now()) - interval '1 day', 'Deck ' || place || ' of session ' || session, '', '0' || id % 3, '', '',
    name || '-0' || id % 3 || '.pdf', '', '[]'::jsonb, name, "group", 'slides'
FROM deck
UNION ALL
SELECT n, now() - (n % 3650) * interval '1 day', 'A draft, number ' || n, repeat('An abstract of usual length. ', 20), to_char(n % 20, 'FM00'),
    '', '', '', '', '[]'::jsonb, 'draft-ietf-wg' || n % 150 || '-' || n, 1 + n % 150, 'draft'
FROM generate_series(60001, 150000) AS n;
INSERT INTO public.doc_document_states (document_id, state_id)
SELECT id, CASE WHEN id % 500 = 0 THEN 78 ELSE 77 END FROM deck
UNION ALL SELECT id, 141 FROM deck
UNION ALL SELECT n, 1 FROM generate_series(60001, 150000) AS n;
INSERT INTO public.meeting_session_materials (session_id, document_id, rev, "order")
SELECT session, id, '0' || id % 3, place FROM deck ORDER BY id;

SELECT setval('public.auth_user_id_seq', 1);
SELECT setval('public.person_person_id_seq', 1);
SELECT setval('public.group_group_id_seq', max(id)) FROM public.group_group;
SELECT setval('public.doc_state_id_seq', max(id)) FROM public.doc_state;
SELECT setval('public.doc_document_id_seq', max(id)) FROM public.doc_document;
SELECT setval('public.meeting_meeting_id_seq', max(id)) FROM public.meeting_meeting;
SELECT setval('public.meeting_schedule_id_seq', max(id)) FROM public.meeting_schedule;
SELECT setval('public.meeting_session_id_seq', max(id)) FROM public.meeting_session;
SELECT setval('public.meeting_timeslot_id_seq', max(id)) FROM public.meeting_timeslot;

COMMIT;
ANALYZE;
