-- Each session that has any assignment, in any schedule, inside ($1, $2), or is named in $3; with its meeting, group,
-- current status (the newest scheduling event by time, then by id, and '' where there is none) and official slot (the
-- first in its meeting's schedule or in that one's base). A range may choose sessions, never their slots.
--
-- The planner knows nothing of how many there will be, and must have no choice that is bad for many: ARRAY(...) and
-- LIMIT 1 keep it from turning a few hundred index look-ups into whole-table joins, coalesce() from the index on time, in
-- which nearly every slot that there ever was starts before $2, and FULL from comparing each row with each. That last
-- finds no more than LEFT would: an event's and an assignment's session exist.
WITH near AS MATERIALIZED (
    SELECT a.session_id AS id
      FROM {schema}.meeting_schedtimesessassignment a
     WHERE a.timeslot_id = ANY (ARRAY(SELECT t.id FROM {schema}.meeting_timeslot t
                                       WHERE t."time" + t.duration > $1 AND coalesce(t."time", $2) < $2))
       AND a.session_id IS NOT NULL
     UNION
    SELECT named.id FROM unnest($3) AS named(id)
), found AS MATERIALIZED (
    SELECT s.id, s.meeting_id, m.number, m.type_id, m.time_zone, m.schedule_id, m.base_id, g.acronym, s.name,
           s.remote_instructions, s.tombstone_for_id, s.modified
      FROM {schema}.meeting_session s
     CROSS JOIN LATERAL (SELECT x.number, x.type_id, x.time_zone, x.schedule_id,
                                (SELECT o.base_id FROM {schema}.meeting_schedule o WHERE o.id = x.schedule_id) AS base_id
                           FROM {schema}.meeting_meeting x WHERE x.id = s.meeting_id LIMIT 1) m
      JOIN {schema}.group_group g ON g.id = s.group_id
     WHERE s.id = ANY (ARRAY(SELECT near.id FROM near))
), latest AS (
    SELECT DISTINCT ON (e.session_id) e.session_id, e.status_id
      FROM {schema}.meeting_schedulingevent e
     WHERE e.session_id = ANY (ARRAY(SELECT near.id FROM near))
     ORDER BY e.session_id, e."time" DESC, e.id DESC
), official AS (
    SELECT DISTINCT ON (found.id) found.id, t."time" AS starts, t."time" + t.duration AS ends
      FROM {schema}.meeting_schedtimesessassignment a
      JOIN found
        ON found.id = a.session_id AND (a.schedule_id = found.schedule_id OR a.schedule_id = found.base_id)
     CROSS JOIN LATERAL (SELECT x."time", x.duration, x.type_id FROM {schema}.meeting_timeslot x
                          WHERE x.id = a.timeslot_id LIMIT 1) t
     WHERE a.session_id = ANY (ARRAY(SELECT near.id FROM near))
     ORDER BY found.id, t."time", t.type_id, a.id
)
SELECT found.id::int8 AS id, found.meeting_id::int8 AS meeting_id, found.number AS meeting,
       found.type_id AS meeting_type, found.time_zone, found.schedule_id::int8 AS schedule, found.base_id::int8 AS base,
       found.acronym AS "group", found.name, coalesce(latest.status_id, '') AS status, found.remote_instructions,
       found.tombstone_for_id::int8 AS tombstone_for, found.modified, official.starts, official.ends
  FROM found
  FULL JOIN latest ON latest.session_id = found.id
  FULL JOIN official ON official.id = found.id
 ORDER BY found.id
