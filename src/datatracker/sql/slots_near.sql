-- Every assignment of each session that has any assignment, in any schedule, inside ($1, $2), or is named in $3:
-- a range may choose sessions, never their slots. Which schedule is official is decided where the rows are put
-- together. ARRAY(...) keeps the planner from turning a few hundred index look-ups into whole-table joins. coalesce()
-- keeps it from the index on time, in which nearly every slot that there ever was starts before $2.
WITH near AS MATERIALIZED (
    SELECT a.session_id
      FROM {schema}.meeting_schedtimesessassignment a
     WHERE a.timeslot_id = ANY (ARRAY(SELECT t.id FROM {schema}.meeting_timeslot t
                                       WHERE t."time" + t.duration > $1 AND coalesce(t."time", $2) < $2))
       AND a.session_id IS NOT NULL
     UNION
    SELECT named.id FROM unnest($3) AS named(id)
)
SELECT a.session_id::int8 AS session, a.schedule_id::int8 AS schedule, t."time" AS starts,
       t."time" + t.duration AS ends
  FROM {schema}.meeting_schedtimesessassignment a
  JOIN {schema}.meeting_timeslot t ON t.id = a.timeslot_id
 WHERE a.session_id = ANY (ARRAY(SELECT near.session_id FROM near))
 ORDER BY a.session_id, t."time", t.type_id, a.id
