-- Compare and set, as Django's save() would leave the row. $1 the new link, $2 the session, $3 the link as it was read.
UPDATE {schema}.meeting_session
   SET remote_instructions = $1, modified = pg_catalog.now()
 WHERE id = $2 AND remote_instructions = $3
