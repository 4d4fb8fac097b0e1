-- What must be there before anything is believed: some meeting, and every name that was asked for.
-- $1 session ids, $2 group acronyms, $3 meeting numbers.
SELECT EXISTS (SELECT 1 FROM {schema}.meeting_meeting) AS has_meetings,
       ARRAY(SELECT wanted.id FROM unnest($1) AS wanted(id)
              WHERE NOT EXISTS (SELECT 1 FROM {schema}.meeting_session s WHERE s.id = wanted.id)) AS sessions,
       ARRAY(SELECT wanted.acronym FROM unnest($2) AS wanted(acronym)
              WHERE NOT EXISTS (SELECT 1 FROM {schema}.group_group g WHERE g.acronym = wanted.acronym)) AS groups,
       ARRAY(SELECT wanted.number FROM unnest($3) AS wanted(number)
              WHERE NOT EXISTS (SELECT 1 FROM {schema}.meeting_meeting m WHERE m.number = wanted.number)) AS meetings
