-- What this role is and may do beyond its task, in the schema $1 and everywhere else: tables of persons and passwords.
SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS may_use_schema,
       current_user::text AS role,
       coalesce((SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user), false) AS superuser,
       pg_catalog.pg_is_in_recovery() AS standby,
       ARRAY(SELECT o.nspname || '.' || c.relname
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace o ON o.oid = c.relnamespace
              WHERE c.relname ~ '^(person_|auth_user)' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                AND o.nspname !~ '^pg_' AND o.nspname <> 'information_schema'
                AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
              ORDER BY 1) AS wide
  FROM pg_catalog.pg_namespace n
 WHERE n.nspname = $1
