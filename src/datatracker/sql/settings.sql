-- The first statement of every transaction. Its own snapshot is the transaction's, and clock_timestamp() is read
-- after that was taken. set_config(..., true) is SET LOCAL, which is all that a transaction pooler allows.
-- $1 the schemas to look in, $2 and $3 the timeouts in milliseconds.
SELECT pg_catalog.clock_timestamp() AS as_of,
       ARRAY(SELECT n.nspname::text
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relname = 'meeting_session' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                AND n.nspname = ANY ($1)
              ORDER BY n.nspname) AS schemas,
       pg_catalog.set_config('TimeZone', 'UTC', true) AS time_zone,
       pg_catalog.set_config('statement_timeout', $2, true) AS statement_timeout,
       pg_catalog.set_config('lock_timeout', $3, true) AS lock_timeout,
       pg_catalog.set_config('jit', 'off', true) AS jit,
       pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true) AS plan_cache_mode,
       pg_catalog.set_config('max_parallel_workers_per_gather', '0', true) AS parallel
