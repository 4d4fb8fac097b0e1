-- What must be there before anything is believed: some meeting, and every name that was asked for. And the few states
-- of documents that count: `deleted` of slides, and those of type reuse_policy, in the datatracker's order.
-- $1 session ids, $2 group acronyms, $3 meeting numbers.
SELECT EXISTS (SELECT 1 FROM {schema}.meeting_meeting) AS has_meetings,
       ARRAY(SELECT wanted.id FROM unnest($1) AS wanted(id)
              WHERE NOT EXISTS (SELECT 1 FROM {schema}.meeting_session s WHERE s.id = wanted.id)) AS sessions,
       ARRAY(SELECT wanted.acronym FROM unnest($2) AS wanted(acronym)
              WHERE NOT EXISTS (SELECT 1 FROM {schema}.group_group g WHERE g.acronym = wanted.acronym)) AS groups,
       ARRAY(SELECT wanted.number FROM unnest($3) AS wanted(number)
              WHERE NOT EXISTS (SELECT 1 FROM {schema}.meeting_meeting m WHERE m.number = wanted.number)) AS meetings,
       ARRAY(SELECT st.id::int8 FROM {schema}.doc_state st
              WHERE st.type_id = 'slides' AND st.slug = 'deleted') AS deleted,
       ARRAY(SELECT st.id::int8 FROM {schema}.doc_state st
              WHERE st.type_id = 'reuse_policy' ORDER BY st."order", st.id) AS policies,
       ARRAY(SELECT st.slug FROM {schema}.doc_state st
              WHERE st.type_id = 'reuse_policy' ORDER BY st."order", st.id) AS policy_slugs
