-- Every assignment of each session that has any assignment, in any schedule, inside ($1, $2), or is named in $3:
-- a range may choose sessions, never their slots. Which schedule is official is decided where the rows are put
-- together. ARRAY(...) and LIMIT 1 keep the planner from turning a few hundred index look-ups into whole-table joins.
WITH near AS MATERIALIZED (
    SELECT a.session_id
      FROM {schema}.meeting_schedtimesessassignment a
     WHERE a.timeslot_id = ANY (ARRAY(SELECT t.id FROM {schema}.meeting_timeslot t
                                       WHERE t."time" < $2 AND t."time" + t.duration > $1))
       AND a.session_id IS NOT NULL
     UNION
    SELECT named.id FROM unnest($3) AS named(id)
)
SELECT a.session_id::int8 AS session, a.schedule_id::int8 AS schedule, t."time" AS starts,
       t."time" + t.duration AS ends
  FROM {schema}.meeting_schedtimesessassignment a
 CROSS JOIN LATERAL (SELECT x."time", x.duration, x.type_id FROM {schema}.meeting_timeslot x
                      WHERE x.id = a.timeslot_id LIMIT 1) t
 WHERE a.session_id = ANY (ARRAY(SELECT near.session_id FROM near))
 ORDER BY a.session_id, t."time", t.type_id, a.id
