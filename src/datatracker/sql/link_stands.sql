-- One row where the session's link is this one. $1 the session, $2 the link.
SELECT id FROM {schema}.meeting_session WHERE id = $1 AND remote_instructions = $2
