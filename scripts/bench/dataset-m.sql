-- One busy moment, for benchmarks: 200 sessions of 120 groups with five decks each, all in their notify window now.
--
-- Plain SQL, for an empty database that holds src/demo/sample/schema.sql. Every run gives the same rows; only the times
-- move with now().

BEGIN;

INSERT INTO public.auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
VALUES (1, '!', false, 'system', '', '', '', false, true, now() - interval '12 years');
INSERT INTO public.person_person (id, "time", name, plain, ascii, biography, photo, photo_thumb, user_id)
VALUES (1, now() - interval '12 years', '(System)', '', '(System)', '', '', '', 1);
INSERT INTO public.group_group (id, "time", name, description, list_email, list_subscribe, list_archive, comments,
    meeting_seen_as_area, used_roles, uses_milestone_dates, acronym, state_id, type_id)
SELECT n, now() - interval '11 years', 'Working Group ' || n, '', '', '', '', '', false, '[]', true, 'wg' || n, 'active', 'wg'
FROM generate_series(1, 120) AS n;
INSERT INTO public.doc_state (id, slug, name, used, "desc", "order", type_id) VALUES
(77, 'active', 'Active', true, '', 1, 'slides'),
(78, 'deleted', 'Deleted', true, '', 4, 'slides'),
(138, 'archived', 'Archived', true, '', 3, 'slides'),
(141, 'single', 'Single Meeting', true, '', 0, 'reuse_policy'),
(142, 'multiple', 'Multiple Meetings', true, '', 0, 'reuse_policy');
INSERT INTO public.meeting_meeting (id, number, date, days, city, country, time_zone, idsubmit_cutoff_day_offset_00,
    idsubmit_cutoff_day_offset_01, idsubmit_cutoff_time_utc, idsubmit_cutoff_warning_days, submission_start_day_offset,
    submission_cutoff_day_offset, submission_correction_day_offset, venue_name, venue_addr, break_area, reg_area,
    agenda_info_note, agenda_warning_note, session_request_lock_message, proceedings_final, acknowledgements,
    show_important_dates, schedule_id, type_id)
VALUES (1, '127', current_date, 7, 'San Francisco', 'US', 'America/Los_Angeles', 13, 13, '23:59:59', '21 days', 90, 26, 50,
    '', '', '', '', '', '', '', false, '', false, 1, 'ietf');
INSERT INTO public.meeting_schedule (id, name, visible, public, notes, meeting_id, owner_id) VALUES (1, 'agenda', true, true, '', 1, 1);

-- From an hour ago to ten minutes ahead, two hours each: the window stays open for at least an hour from now.
INSERT INTO public.meeting_session (id, name, short, agenda_note, requested_duration, comments, modified, remote_instructions,
    on_agenda, has_onsite_tool, chat_room, meetecho_recording_name, group_id, meeting_id, purpose_id, type_id)
SELECT n, '', '', '', '2 hours', '', now() - interval '1 day', '', true, true, 'wg' || 1 + n % 120, '', 1 + n % 120, 1, 'regular', 'regular'
FROM generate_series(1, 200) AS n;
INSERT INTO public.meeting_timeslot (id, name, "time", duration, show_location, modified, meeting_id, type_id)
SELECT n, '', date_trunc('minute', now()) + (n % 15 - 12) * interval '5 min', '2 hours', true, now() - interval '1 day', 1, 'regular'
FROM generate_series(1, 200) AS n;
INSERT INTO public.meeting_schedtimesessassignment (modified, pinned, schedule_id, session_id, timeslot_id)
SELECT now() - interval '1 day', false, 1, n, n FROM generate_series(1, 200) AS n;
INSERT INTO public.meeting_schedulingevent ("time", by_id, session_id, status_id)
SELECT now() - interval '30 days', 1, n, 'schedw' FROM generate_series(1, 200) AS n
UNION ALL SELECT now() - interval '20 days', 1, n, 'sched' FROM generate_series(1, 200) AS n;

INSERT INTO public.doc_document (id, "time", title, abstract, rev, notify, external_url, uploaded_filename, note, keywords, name, group_id, type_id)
SELECT (n - 1) * 5 + place, now() - interval '1 day', 'Deck ' || place || ' of session ' || n, '', '00', '', '',
    format('slides-127-wg%s-%s-deck-%s-00.pdf', 1 + n % 120, n, place), '', '[]', format('slides-127-wg%s-%s-deck-%s', 1 + n % 120, n, place),
    1 + n % 120, 'slides'
FROM generate_series(1, 200) AS n, generate_series(1, 5) AS place;
INSERT INTO public.doc_document_states (document_id, state_id)
SELECT id, state FROM public.doc_document, unnest(ARRAY[77, 141]) AS states (state);
INSERT INTO public.meeting_session_materials (session_id, document_id, rev, "order")
SELECT 1 + (id - 1) / 5, id, '00', 1 + (id - 1) % 5 FROM public.doc_document ORDER BY id;

SELECT setval('public.auth_user_id_seq', 1);
SELECT setval('public.person_person_id_seq', 1);
SELECT setval('public.group_group_id_seq', 120);
SELECT setval('public.doc_state_id_seq', 142);
SELECT setval('public.doc_document_id_seq', 1000);
SELECT setval('public.meeting_meeting_id_seq', 1);
SELECT setval('public.meeting_schedule_id_seq', 1);
SELECT setval('public.meeting_session_id_seq', 200);
SELECT setval('public.meeting_timeslot_id_seq', 200);

COMMIT;
ANALYZE;
