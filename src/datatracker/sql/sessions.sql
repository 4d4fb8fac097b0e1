-- The sessions $1 with their meeting, group and current status: the newest scheduling event by time, then by id, and ''
-- where there is none.
SELECT s.id::int8 AS id, s.meeting_id::int8 AS meeting_id, m.number AS meeting, m.type_id AS meeting_type,
       m.time_zone, m.schedule_id::int8 AS schedule, m.base_id::int8 AS base, g.acronym AS "group", s.name,
       coalesce(latest.status_id, '') AS status, s.remote_instructions, s.tombstone_for_id::int8 AS tombstone_for,
       s.modified
  FROM {schema}.meeting_session s
 CROSS JOIN LATERAL (SELECT x.number, x.type_id, x.time_zone, x.schedule_id,
                            (SELECT o.base_id FROM {schema}.meeting_schedule o WHERE o.id = x.schedule_id) AS base_id
                       FROM {schema}.meeting_meeting x WHERE x.id = s.meeting_id LIMIT 1) m
  JOIN {schema}.group_group g ON g.id = s.group_id
  LEFT JOIN (SELECT DISTINCT ON (e.session_id) e.session_id, e.status_id
               FROM {schema}.meeting_schedulingevent e
              WHERE e.session_id = ANY (ARRAY(SELECT unnest($1)))
              ORDER BY e.session_id, e."time" DESC, e.id DESC) latest ON latest.session_id = s.id
 WHERE s.id = ANY (ARRAY(SELECT unnest($1)))
 ORDER BY s.id
