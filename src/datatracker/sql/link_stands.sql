-- Whether somebody else has written the same link already. $1 the session, $2 the link.
SELECT 1 FROM {schema}.meeting_session WHERE id = $1 AND remote_instructions = $2
