-- The links of the documents $1 to other sessions than $2, with those sessions' meetings.
SELECT l.document_id::int8 AS document, l.session_id::int8 AS session, m.number AS meeting
  FROM {schema}.meeting_session_materials l
 CROSS JOIN LATERAL (SELECT x.meeting_id FROM {schema}.meeting_session x WHERE x.id = l.session_id LIMIT 1) s
 CROSS JOIN LATERAL (SELECT x.number FROM {schema}.meeting_meeting x WHERE x.id = s.meeting_id LIMIT 1) m
 WHERE l.document_id = ANY (ARRAY(SELECT unnest($1))) AND l.session_id NOT IN (SELECT unnest($2))
