-- Of the columns $2 of the tables $1 (pairs) in schema $3: is it there, and may this role do $4 (pairs too) with it?
SELECT wanted.relation, wanted.name,
       a.attnum IS NOT NULL AS present,
       coalesce(pg_catalog.has_column_privilege(c.oid, a.attnum, wanted.privilege), false) AS granted
  FROM unnest($1, $2, $4) WITH ORDINALITY AS wanted(relation, name, privilege, place)
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $3
  LEFT JOIN pg_catalog.pg_class c
    ON c.relnamespace = n.oid AND c.relname = wanted.relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  LEFT JOIN pg_catalog.pg_attribute a
    ON a.attrelid = c.oid AND a.attname = wanted.name AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY wanted.place
