-- The sessions $2 (all of them where $1 is true) with their meeting, group and current status: the newest scheduling
-- event by time, then by id, and '' where there is none.
SELECT s.id::int8 AS id, s.meeting_id::int8 AS meeting_id, m.number AS meeting, m.type_id AS meeting_type,
       m.time_zone, m.schedule_id::int8 AS schedule, m.base_id::int8 AS base, g.acronym AS "group", s.name,
       coalesce((SELECT e.status_id FROM {schema}.meeting_schedulingevent e WHERE e.session_id = s.id
                  ORDER BY e."time" DESC, e.id DESC LIMIT 1), '') AS status,
       s.remote_instructions, s.tombstone_for_id::int8 AS tombstone_for, s.modified
  FROM {schema}.meeting_session s
 CROSS JOIN LATERAL (SELECT x.number, x.type_id, x.time_zone, x.schedule_id,
                            (SELECT o.base_id FROM {schema}.meeting_schedule o WHERE o.id = x.schedule_id) AS base_id
                       FROM {schema}.meeting_meeting x WHERE x.id = s.meeting_id LIMIT 1) m
 CROSS JOIN LATERAL (SELECT x.acronym FROM {schema}.group_group x WHERE x.id = s.group_id LIMIT 1) g
 WHERE $1 OR s.id = ANY ($2)
 ORDER BY s.id
