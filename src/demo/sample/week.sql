-- An IETF week in progress, whenever this is run: its slots are laid around now(). One transaction.
--
-- Groups and subjects are real, so that the lists read like a real week; sessions, decks and times are made up, and
-- there is no person in it but the system's own account. Nothing was changed within the last hour.

BEGIN;

INSERT INTO public.auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
VALUES (1, '!', false, 'system', '', '', '', false, true, now() - interval '10 years');
INSERT INTO public.person_person (id, "time", name, plain, ascii, biography, photo, photo_thumb, user_id)
VALUES (1, now() - interval '10 years', '(System)', '', '(System)', '', '', '', 1);

INSERT INTO public.doc_state (id, slug, name, used, "desc", "order", type_id) VALUES
(77, 'active', 'Active', true, '', 1, 'slides'),
(78, 'deleted', 'Deleted', true, '', 4, 'slides'),
(138, 'archived', 'Archived', true, '', 3, 'slides'),
(141, 'single', 'Single Meeting', true, '', 0, 'reuse_policy'),
(142, 'multiple', 'Multiple Meetings', true, '', 0, 'reuse_policy');

-- The week's plan: one line per session. `starts` and `lasts` are minutes from now.
CREATE TEMPORARY TABLE plan (
    session int PRIMARY KEY, acronym text, group_name text, track int, starts int, lasts int, decks text[]
) ON COMMIT DROP;
INSERT INTO plan VALUES
-- Live
(36001, 'tls', 'Transport Layer Security', 1, -35, 90, '{"Chairs'' slides","Encrypted Client Hello: deployment report","Extended key update","Trust anchor identifiers","ML-KEM key agreement"}'),
(36002, 'quic', 'QUIC', 2, -35, 90, '{"Chairs'' slides","Multipath: after last call","qlog main schema and events","ACK frequency"}'),
(36003, 'dnsop', 'Domain Name System Operations', 3, -35, 90, '{"Agenda and status","Structured error data for filtered DNS","Domain verification techniques","Generalized DNS notifications","Compact denial of existence","DS automation"}'),
(36004, 'idr', 'Inter-Domain Routing', 4, -35, 90, '{"Chairs'' slides","BGP Color-Aware Routing: implementation report","BGP-LS extensions for SR policies","Flow specification version 2"}'),
(36005, 'scitt', 'Supply Chain Integrity, Transparency, and Trust', 5, -35, 90, '{"Chairs'' slides","Architecture: open issues","Reference APIs"}'),
-- Ended ten minutes ago: still in the window
(36006, 'lamps', 'Limited Additional Mechanisms for PKIX and SMIME', 6, -70, 60, '{"Chairs'' slides","Composite ML-DSA signatures","CMP updates"}'),
(36007, 'tsvwg', 'Transport and Services Working Group', 7, -70, 60, '{"Chairs'' slides","Careful resumption of congestion control","UDP options"}'),
(36008, 'netmod', 'Network Modeling', 8, -70, 60, '{"Agenda","YANG module versioning","System-defined configuration"}'),
-- About to start
(36009, 'httpbis', 'HTTP', 6, 6, 60, '{"Chairs'' slides","Resumable uploads","Cookies: the successor of RFC 6265","The QUERY method"}'),
(36010, '6man', 'IPv6 Maintenance', 7, 6, 60, '{"Introduction","SLAAC prefixes with variable interface IDs","Limits on sending and processing extension headers"}'),
(36011, 'core', 'Constrained RESTful Environments', 8, 13, 60, '{"Chairs'' slides","Group OSCORE","CoAP over GATT","Conditional attributes"}'),
-- Later
(36012, 'oauth', 'Web Authorization Protocol', 1, 120, 120, '{"Chairs'' slides","Attestation-based client authentication","Token status list","Transaction tokens"}'),
(36013, 'rats', 'Remote ATtestation ProcedureS', 2, 120, 120, '{"Chairs'' slides","CoRIM","Entity attestation token media types","Attestation in TLS"}'),
(36014, 'moq', 'Media Over QUIC', 3, 120, 120, '{"Chairs'' slides","MOQT: what changed since the interim","Catalog format","Low overhead container","Interop report"}'),
(36015, 'spring', 'Source Packet Routing in Networking', 4, 120, 120, '{"Chairs'' slides","SRv6 path segment","Compressed SRv6 segment lists: deployment"}'),
(36016, 'v6ops', 'IPv6 Operations', 5, 120, 120, '{"Agenda","IPv6-mostly networks","Happy Eyeballs, version 3","Measurements of ND cache exhaustion"}'),
(36017, 'cfrg', 'Crypto Forum', 6, 120, 120, '{"Chairs'' slides","FROST and related threshold schemes","Hybrid KEM combiners","Blind BBS signatures","Guidelines for writing cryptography specifications"}'),
(36018, 'teas', 'Traffic Engineering Architecture and Signaling', 7, 120, 60, '{"Chairs'' slides","Network slice service YANG model"}'),
(36019, 'jmap', 'JSON Mail Access Protocol', 8, 120, 60, '{"Chairs'' slides","JMAP for calendars","File storage"}'),
(36020, 'mls', 'Messaging Layer Security', 1, 270, 90, '{"Chairs'' slides","Extensions","ML-KEM cipher suites"}'),
(36021, 'masque', 'Multiplexed Application Substrate over QUIC Encryption', 2, 270, 90, '{"Chairs'' slides","Proxying Ethernet","QUIC-aware proxying"}'),
(36022, 'ccwg', 'Congestion Control Working Group', 3, 270, 90, '{"Chairs'' slides","BBRv3: update","Rate-limited senders","SEARCH: a new slow start for TCP and QUIC"}'),
(36023, 'lsr', 'Link State Routing', 4, 270, 90, '{"Chairs'' slides","IS-IS fast flooding","Prefix unreachable announcement"}'),
(36024, 'sidrops', 'SIDR Operations', 5, 270, 90, '{"Chairs'' slides","ASPA verification","A profile for trust anchor keys"}'),
(36025, 'cbor', 'Concise Binary Object Representation Maintenance and Extensions', 6, 270, 60, '{"Chairs'' slides","Extended diagnostic notation","Packed CBOR","CDDL module structure"}'),
(36026, 'wimse', 'Workload Identity in Multi System Environments', 7, 270, 90, '{"Chairs'' slides","Workload-to-workload authentication","Identifier format"}'),
(36027, 'ippm', 'IP Performance Measurement', 8, 270, 60, '{"Chairs'' slides","Responsiveness under working conditions","IOAM integrity"}'),
-- Tomorrow
(36028, 'dispatch', 'Dispatch', 1, 1200, 120, '{"Agenda","Calls for adoption: what dispatch does","A media type for signed documents"}'),
(36029, 'opsawg', 'Operations and Management Area Working Group', 2, 1200, 120, '{"Chairs'' slides","PCAP next generation capture file format","TACACS+ over TLS 1.3"}'),
(36030, 'avtcore', 'Audio/Video Transport Core Maintenance', 3, 1200, 90, '{"Chairs'' slides","RTP over QUIC","RTP payload format for haptics"}'),
(36031, 'bess', 'BGP Enabled ServiceS', 4, 1200, 120, '{"Chairs'' slides","EVPN multicast forwarding","Weighted multipath for EVPN"}'),
(36032, 'acme', 'Automated Certificate Management Environment', 5, 1200, 60, '{"Chairs'' slides","Profiles extension","Device attestation"}'),
(36033, 'cose', 'CBOR Object Signing and Encryption', 6, 1200, 60, '{"Chairs'' slides","ML-DSA and SLH-DSA for JOSE and COSE","HPKE for COSE"}'),
(36034, 'ntp', 'Network Time Protocols', 7, 1200, 60, '{"Chairs'' slides","NTPv5","Roughtime"}'),
(36035, 'maprg', 'Measurement and Analysis for Protocols', 8, 1200, 120, '{"Overview","How far does ECN reach?","QUIC spin bit in the wild","Resolver behaviour after a root key roll"}'),
(36036, 'webbotauth', 'Web Bot Auth', 1, 1380, 90, '{"Chairs'' slides","HTTP message signatures for automated traffic","Directory format"}'),
(36037, 'aipref', 'AI Preferences', 2, 1380, 90, '{"Chairs'' slides","Vocabulary","Attaching preferences to HTTP responses"}'),
(36038, 'privacypass', 'Privacy Pass', 3, 1380, 60, '{"Chairs'' slides","Anonymous rate-limited credentials","Batched tokens"}'),
(36039, 'saag', 'Security Area Open Meeting', 4, 1380, 120, '{"Area report","Post-quantum readiness of IETF protocols","Open microphone"}'),
-- The ones that are not like the others; what they are stands further down
(36040, 'secretariat', 'IETF Secretariat', 1, 60, 30, '{}'),
(36041, 'secretariat', 'IETF Secretariat', 2, -240, 600, '{}'),
(36042, 'pim', 'Protocols for IP Multicast', 5, 1380, 60, '{"Chairs'' slides","IGMP and MLD: the road to full standard"}'),
(36043, 'openpgp', 'Open Specification for Pretty Good Privacy', NULL, NULL, 60, '{"Chairs'' slides"}'),
(36044, 'core', 'Constrained RESTful Environments', 5, 360, 60, '{}');

-- Interim meetings: `day` is counted from today, `hour` in UTC.
CREATE TEMPORARY TABLE interim (
    session int PRIMARY KEY, acronym text, number int, day int, hour int, lasts int, zone text, status text, link text
) ON COMMIT DROP;
INSERT INTO interim VALUES
(36101, 'moq', 1, 5, 16, 120, 'UTC', 'sched', ''),
(36102, 'cbor', 1, 6, 15, 60, 'Europe/Berlin', 'sched', ''),
(36103, 'httpbis', 1, 9, 21, 90, 'Australia/Melbourne', 'scheda', ''),
(36104, 'scitt', 1, 10, 16, 60, 'America/New_York', 'sched', ''),
-- Two days of one meeting
(36105, 'mls', 1, 13, 15, 180, 'Europe/London', 'sched', ''),
(36106, 'mls', 1, 14, 15, 180, 'Europe/London', 'sched', ''),
(36107, 'rats', 1, 16, 15, 60, 'UTC', 'scheda', ''),
(36108, 'wimse', 1, 19, 17, 90, 'America/Los_Angeles', 'apprw', ''),
(36109, 'core', 1, 20, 14, 90, 'Europe/Paris', 'sched', ''),
(36110, 'webbotauth', 1, 24, 17, 60, 'UTC', 'apprw', ''),
(36111, 'aipref', 1, 30, 8, 120, 'Europe/Brussels', 'scheda', ''),
-- Meets somewhere else, as its chairs wrote
(36112, 'tls', 1, 33, 18, 60, 'UTC', 'sched', 'https://ietf.webex.com/meet/tls-interim'),
(36113, 'cbor', 2, 41, 15, 60, 'Europe/Berlin', 'sched', '');

INSERT INTO public.group_group (id, "time", name, description, list_email, list_subscribe, list_archive, comments,
    meeting_seen_as_area, used_roles, uses_milestone_dates, acronym, state_id, type_id)
SELECT 2000 + row_number() OVER (ORDER BY acronym), now() - interval '1 year', min(group_name), '', '', '', '', '', false, '[]', true,
    acronym, 'active', CASE WHEN acronym IN ('cfrg', 'maprg') THEN 'rg' WHEN acronym = 'secretariat' THEN 'team' ELSE 'wg' END
FROM plan GROUP BY acronym;

-- Meetings and their schedules: IETF 127 has a base schedule (breaks, registration) and a draft that nobody follows.
INSERT INTO public.meeting_meeting (id, number, date, days, city, country, time_zone, idsubmit_cutoff_day_offset_00,
    idsubmit_cutoff_day_offset_01, idsubmit_cutoff_time_utc, idsubmit_cutoff_warning_days, submission_start_day_offset,
    submission_cutoff_day_offset, submission_correction_day_offset, venue_name, venue_addr, break_area, reg_area,
    agenda_info_note, agenda_warning_note, session_request_lock_message, proceedings_final, acknowledgements,
    show_important_dates, schedule_id, type_id)
SELECT id, number, date, days, city, country, zone, 13, 13, '23:59:59', '21 days', 90, 26, 50, '', '', '', '', '', '', '',
    false, '', false, schedule_id, type
FROM (
    SELECT 1500 AS id, '127' AS number, current_date - 2 AS date, 7 AS days, 'San Francisco' AS city, 'US' AS country,
        'America/Los_Angeles' AS zone, 3002 AS schedule_id, 'ietf' AS type
    UNION ALL
    SELECT min(session) - 34500, format('interim-%s-%s-%s', to_char(current_date + min(day), 'YYYY'), acronym, to_char(number, 'FM00')),
        current_date + min(day), count(*), '', '', min(zone), min(session) - 33000, 'interim'
    FROM interim GROUP BY acronym, number
) AS meetings;

INSERT INTO public.meeting_schedule (id, name, visible, public, notes, base_id, meeting_id, owner_id) VALUES
(3001, 'base', true, true, '', NULL, 1500, 1),
(3002, 'agenda', true, true, '', 3001, 1500, 1),
(3003, 'draft-1', true, false, '', 3001, 1500, 1);
INSERT INTO public.meeting_schedule (id, name, visible, public, notes, meeting_id, owner_id)
SELECT id + 1500, number, true, true, '', id, 1 FROM public.meeting_meeting WHERE type_id = 'interim';

INSERT INTO public.meeting_session (id, name, short, agenda_note, requested_duration, comments, modified, remote_instructions,
    on_agenda, has_onsite_tool, chat_room, meetecho_recording_name, group_id, meeting_id, purpose_id, tombstone_for_id, type_id)
SELECT session, CASE session WHEN 36040 THEN 'Break' WHEN 36041 THEN 'Registration' ELSE '' END, '', '', lasts * interval '1 min', '',
    now() - interval '1 day', '', true, acronym <> 'secretariat', acronym, '', g.id, 1500,
    CASE acronym WHEN 'secretariat' THEN 'admin' ELSE 'regular' END, CASE session WHEN 36044 THEN 36011 END,
    CASE session WHEN 36040 THEN 'break' WHEN 36041 THEN 'reg' ELSE 'regular' END
FROM plan JOIN public.group_group g USING (acronym)
UNION ALL
SELECT session, '', '', '', lasts * interval '1 min', '', now() - interval '2 hours', link, true, false, acronym, '', g.id,
    min(session) OVER (PARTITION BY acronym, number) - 34500, 'regular', NULL, 'regular'
FROM interim JOIN public.group_group g USING (acronym);

-- One timeslot per session, with the session's number, and its place in the official schedule or (breaks, registration)
-- in the base.
INSERT INTO public.meeting_timeslot (id, name, "time", duration, show_location, modified, meeting_id, type_id)
SELECT s.id + 10000, s.name, date_trunc('minute', now()) + p.starts * interval '1 min', s.requested_duration, true,
    now() - interval '1 day', s.meeting_id, s.type_id
FROM plan p JOIN public.meeting_session s ON s.id = p.session WHERE p.starts IS NOT NULL
UNION ALL
SELECT s.id + 10000, '', ((current_date + i.day) + i.hour * interval '1 hour') AT TIME ZONE 'UTC', s.requested_duration, true,
    now() - interval '2 hours', s.meeting_id, s.type_id
FROM interim i JOIN public.meeting_session s ON s.id = i.session;

INSERT INTO public.meeting_schedtimesessassignment (id, modified, pinned, schedule_id, session_id, timeslot_id)
SELECT s.id + 20000, s.modified, false, CASE WHEN s.type_id IN ('break', 'reg') THEN 3001 ELSE m.schedule_id END, s.id, t.id
FROM public.meeting_session s
JOIN public.meeting_meeting m ON m.id = s.meeting_id
JOIN public.meeting_timeslot t ON t.id = s.id + 10000;
-- The draft has every regular session in the slot of its neighbour.
INSERT INTO public.meeting_schedtimesessassignment (id, modified, pinned, schedule_id, session_id, timeslot_id)
SELECT s.id + 40000, s.modified, false, 3003, s.id, t.id
FROM public.meeting_session s JOIN public.meeting_timeslot t ON t.id = s.id + 10001
WHERE s.meeting_id = 1500 AND s.type_id = 'regular';

-- Requested, then as it is now. The last regular session of tomorrow was called off, one is still without a slot.
INSERT INTO public.meeting_schedulingevent (id, "time", by_id, session_id, status_id)
SELECT id * 2, now() - interval '40 days', 1, id, CASE WHEN type_id = 'regular' THEN 'schedw' ELSE 'sched' END FROM public.meeting_session
UNION ALL
SELECT s.id * 2 + 1, now() - interval '3 hours', 1, s.id,
    CASE s.id WHEN 36042 THEN 'canceled' WHEN 36043 THEN 'schedw' WHEN 36044 THEN 'resched' ELSE coalesce(i.status, 'sched') END
FROM public.meeting_session s LEFT JOIN interim i ON i.session = s.id;

-- Decks: named as the datatracker names them, some of them revised before.
CREATE TEMPORARY TABLE deck ON COMMIT DROP AS
SELECT 150000 + row_number() OVER (ORDER BY session, place) AS id, session, place, title, acronym,
    'slides-127-' || acronym || '-' || trim('-' FROM lower(regexp_replace(replace(title, '''', ''), '[^A-Za-z0-9]+', '-', 'g'))) AS name,
    to_char((session + place * 7) % 3, 'FM00') AS rev
FROM plan, unnest(decks) WITH ORDINALITY AS listed (title, place);

INSERT INTO public.doc_document (id, "time", title, abstract, rev, notify, external_url, uploaded_filename, note, keywords, name, group_id, type_id)
SELECT d.id, now() - interval '5 hours', d.title, '', d.rev, '', '', d.name || '-' || d.rev || '.pdf', '', '[]', d.name, g.id, 'slides'
FROM deck d JOIN public.group_group g USING (acronym);
INSERT INTO public.doc_document_states (document_id, state_id) SELECT id, state FROM deck, unnest(ARRAY[77, 141]) AS states (state);
INSERT INTO public.meeting_session_materials (session_id, document_id, rev, "order") SELECT session, id, rev, place FROM deck ORDER BY id;

SELECT setval('public.auth_user_id_seq', max(id)) FROM public.auth_user;
SELECT setval('public.person_person_id_seq', max(id)) FROM public.person_person;
SELECT setval('public.group_group_id_seq', max(id)) FROM public.group_group;
SELECT setval('public.doc_state_id_seq', max(id)) FROM public.doc_state;
SELECT setval('public.doc_document_id_seq', max(id)) FROM public.doc_document;
SELECT setval('public.meeting_meeting_id_seq', max(id)) FROM public.meeting_meeting;
SELECT setval('public.meeting_schedule_id_seq', max(id)) FROM public.meeting_schedule;
SELECT setval('public.meeting_session_id_seq', max(id)) FROM public.meeting_session;
SELECT setval('public.meeting_timeslot_id_seq', max(id)) FROM public.meeting_timeslot;
SELECT setval('public.meeting_schedtimesessassignment_id_seq', max(id)) FROM public.meeting_schedtimesessassignment;
SELECT setval('public.meeting_schedulingevent_id_seq', max(id)) FROM public.meeting_schedulingevent;

COMMIT;
ANALYZE;
