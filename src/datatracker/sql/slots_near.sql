-- Every assignment of each session that has any assignment, in any schedule, inside ($1, $2), or is named in $3:
-- a range may choose sessions, never their slots. Which schedule is official is decided where the rows are put
-- together. OFFSET 0 and LIMIT 1 keep the planner from turning a few hundred index look-ups into whole-table joins.
WITH near AS MATERIALIZED (
    SELECT a.session_id
      FROM {schema}.meeting_timeslot t
     CROSS JOIN LATERAL (SELECT x.session_id FROM {schema}.meeting_schedtimesessassignment x
                          WHERE x.timeslot_id = t.id AND x.session_id IS NOT NULL OFFSET 0) a
     WHERE t."time" < $2 AND t."time" + t.duration > $1
     UNION
    SELECT named.id FROM unnest($3) AS named(id)
)
SELECT near.session_id::int8 AS session, a.schedule_id::int8 AS schedule, t."time" AS starts,
       t."time" + t.duration AS ends
  FROM near
 CROSS JOIN LATERAL (SELECT x.id, x.schedule_id, x.timeslot_id FROM {schema}.meeting_schedtimesessassignment x
                      WHERE x.session_id = near.session_id OFFSET 0) a
 CROSS JOIN LATERAL (SELECT x."time", x.duration, x.type_id FROM {schema}.meeting_timeslot x
                      WHERE x.id = a.timeslot_id LIMIT 1) t
 ORDER BY near.session_id, t."time", t.type_id, a.id
