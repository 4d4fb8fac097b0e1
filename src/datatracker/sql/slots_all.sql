-- Every assignment of every session, in the datatracker's order.
SELECT a.session_id::int8 AS session, a.schedule_id::int8 AS schedule, t."time" AS starts,
       t."time" + t.duration AS ends
  FROM {schema}.meeting_schedtimesessassignment a
  JOIN {schema}.meeting_timeslot t ON t.id = a.timeslot_id
 WHERE a.session_id IS NOT NULL
 ORDER BY a.session_id, t."time", t.type_id, a.id
