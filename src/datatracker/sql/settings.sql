-- The first statement of every transaction. Its own snapshot is the transaction's, and clock_timestamp() is read
-- after that was taken. set_config(..., true) is SET LOCAL, which is all that a transaction pooler allows.
-- The rest of the first lines says how far a standby has come: what it has received (asked before what it has replayed,
-- which may only be more by then), whether it is connected to receive more (the row of a role without privileges is
-- there and holds nulls), and the newest commit that it has replayed. All of it is null or false on a primary.
-- $1 the schemas to look in, $2 and $3 the timeouts in milliseconds.
SELECT pg_catalog.clock_timestamp() AS as_of,
       pg_catalog.pg_is_in_recovery() AS standby,
       EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) AS receiving,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(), '0/0')::int8 AS received,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_replay_lsn(), '0/0')::int8 AS replayed,
       pg_catalog.pg_last_xact_replay_timestamp() AS replayed_until,
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
