-- The assignments of those sessions of the meetings $1 that are not in $2, the earliest first.
SELECT s.id::int8 AS session, s.meeting_id::int8 AS meeting_id, a.schedule_id::int8 AS schedule, t."time" AS starts
  FROM {schema}.meeting_session s
 CROSS JOIN LATERAL (SELECT x.id, x.schedule_id, x.timeslot_id FROM {schema}.meeting_schedtimesessassignment x
                      WHERE x.session_id = s.id OFFSET 0) a
 CROSS JOIN LATERAL (SELECT x."time", x.type_id FROM {schema}.meeting_timeslot x
                      WHERE x.id = a.timeslot_id LIMIT 1) t
 WHERE s.meeting_id = ANY (ARRAY(SELECT unnest($1))) AND s.id NOT IN (SELECT unnest($2))
 ORDER BY s.id, t."time", t.type_id, a.id
