-- What a backup and its restore must agree on, printed so that equal databases print the same text: of each table the
-- number of rows and a checksum that does not depend on their order, then what else makes the schema, then the rights.
-- Left out is what belongs to the place and not to the data: unlogged tables, and the change feed, whose transaction
-- numbers mean nothing in another cluster. Sourced by psql on PostgreSQL 14 and newer.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET xmlbinary = 'base64';
SET search_path = pg_catalog;

SELECT coalesce(string_agg(format(
    'SELECT %L AS name, count(*) AS n, coalesce(sum((''x'' || left(md5(t::text), 15))::bit(60)::bigint), 0) AS sum FROM %I.%I AS t',
    n.nspname || '.' || c.relname, n.nspname, c.relname), ' UNION ALL '), 'SELECT '''' AS name, 0 AS n, 0 AS sum WHERE false') AS every_table
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND (n.nspname, c.relname) <> ('auth', 'changes')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
\gset

SELECT '  "tables": [' || E'\n' || coalesce(string_agg(
    format('    {"table": %s, "rows": %s, "checksum": "%s"}', to_json(name), n, sum), E',\n' ORDER BY name COLLATE "C"), '')
    || E'\n  ],'
  FROM (:every_table) AS tables;

-- Easily lost when a restore is made by hand. What an owner may do differs between versions of PostgreSQL: left out.
WITH places AS (
  SELECT oid, nspname, nspacl, nspowner FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
classes AS (
  SELECT c.*, p.nspname FROM pg_class c JOIN places p ON p.oid = c.relnamespace
  WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')),
functions AS (
  SELECT f.*, p.nspname FROM pg_proc f JOIN places p ON p.oid = f.pronamespace
  WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')),
rights AS (
  SELECT 'schema ' || nspname AS what, nspowner AS owner, coalesce(nspacl, acldefault('n', nspowner)) AS acl FROM places
  UNION ALL SELECT 'table ' || nspname || '.' || relname, relowner,
    coalesce(relacl, acldefault((CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", relowner))
    FROM classes WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL SELECT 'function ' || nspname || '.' || proname || '(' || pg_get_function_identity_arguments(oid) || ')', proowner,
    coalesce(proacl, acldefault('f', proowner)) FROM functions
  UNION ALL SELECT 'default ' || coalesce(p.nspname, '') || ' ' || d.defaclobjtype::text, d.defaclrole, d.defaclacl
    FROM pg_default_acl d LEFT JOIN places p ON p.oid = d.defaclnamespace)
SELECT format('  "objects": {"indexes": %s, "constraints": %s, "triggers": %s, "functions": %s, "partitions": %s, "rights": "%s"},',
  (SELECT count(*) FROM classes WHERE relkind IN ('i', 'I')),
  (SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'u', 'f', 'c', 'x') AND connamespace IN (SELECT oid FROM places)),
  (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM classes)),
  (SELECT count(*) FROM functions),
  (SELECT count(*) FROM classes WHERE relispartition AND relkind = 'r'),
  (SELECT md5(coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), '')) FROM (
    SELECT what || ' of ' || pg_get_userbyid(owner) || ': ' || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END
      || ' ' || a.privilege_type || CASE WHEN a.is_grantable THEN ' *' ELSE '' END AS line
      FROM rights, aclexplode(acl) AS a WHERE a.grantee <> owner) AS lines));
