-- Optional: lets the datatracker's database wake meetsync at once, where it would otherwise notice an edit at its next
-- poll. Nothing depends on it: what it misses, the poll finds.
--
-- Run it by hand, on the primary, in the datatracker's database, as the owner of its tables:
--   psql --set ON_ERROR_STOP=1 --file notify.sql
-- It can be run again at any time. To remove it, with the name of the schema that holds the tables (this takes the
-- triggers along):
--   DROP FUNCTION datatracker.meetsync_notify() CASCADE;
--
-- What it costs: one call per statement, however many rows that changes, and none per row; all of a transaction's calls
-- are one notification. PostgreSQL hands notifications over one transaction at a time, so transactions that write these
-- tables queue for that moment of their commit; on a database with very many small commits, do without. What it can't
-- be used with is PREPARE TRANSACTION (two-phase commit).
--
-- The triggers name no column, so that a migration may change or drop any. A table that is made anew needs this file
-- once more; until then its edits are noticed at the next poll, as are those of tables that hardly ever change
-- (group_group, doc_state).

BEGIN;
-- CREATE TRIGGER waits for writers to end, and whoever comes after waits behind it.
SET LOCAL lock_timeout = '3s';
DO $install$
DECLARE
  -- Only what is wanted is looked for by name, so the search path of whoever runs this doesn't matter.
  tables constant text[] := ARRAY[
    'doc_document',
    'doc_document_states',
    'meeting_meeting',
    'meeting_schedtimesessassignment',
    'meeting_schedule',
    'meeting_schedulingevent',
    'meeting_session',
    'meeting_session_materials',
    'meeting_timeslot'
  ];
  found text[];
  name text;
BEGIN
  SELECT pg_catalog.array_agg(n.nspname::text ORDER BY n.nspname) INTO found
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relname = 'meeting_session' AND c.relkind IN ('r', 'p') AND n.nspname IN ('datatracker', 'public');
  IF coalesce(pg_catalog.cardinality(found), 0) <> 1 THEN
    RAISE EXCEPTION 'schema datatracker or public must hold the table meeting_session, and not both; found: %', found
      USING HINT = 'Is this the datatracker''s database?';
  END IF;

  -- As its owner, because the right to notify may have been taken from everybody else; and whatever goes wrong in it is
  -- swallowed, because it runs inside the datatracker's own statement.
  EXECUTE pg_catalog.format($create$
    CREATE OR REPLACE FUNCTION %I.meetsync_notify() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    BEGIN
      PERFORM pg_catalog.pg_notify('meetsync', '');
      RETURN NULL;
    EXCEPTION WHEN OTHERS THEN
      RETURN NULL;
    END
    $body$ $create$, found[1]);
  EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %I.meetsync_notify() FROM PUBLIC', found[1]);

  FOREACH name IN ARRAY tables LOOP
    IF NOT EXISTS (
      SELECT FROM pg_catalog.pg_trigger t
       WHERE t.tgname = 'meetsync_notify'
         AND t.tgrelid = pg_catalog.format('%I.%I', found[1], name)::regclass) THEN
      EXECUTE pg_catalog.format(
        'CREATE TRIGGER meetsync_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %1$I.%2$I
         FOR EACH STATEMENT EXECUTE FUNCTION %1$I.meetsync_notify()', found[1], name);
    END IF;
  END LOOP;
END
$install$;
COMMIT;
