-- The meetings of the sessions $1.
SELECT s.id::int8 AS session, m.number AS meeting
  FROM {schema}.meeting_session s
 CROSS JOIN LATERAL (SELECT x.number FROM {schema}.meeting_meeting x WHERE x.id = s.meeting_id LIMIT 1) m
 WHERE s.id = ANY ($1)
