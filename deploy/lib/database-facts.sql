-- What the manifest says of the database itself, and what a restore takes: PostgreSQL 14 and newer. One line each.
SET search_path = pg_catalog;

-- A dump of one database leaves these out: who may connect, and what is set for it.
SELECT '  "database": ' || jsonb_build_object(
    'name', d.datname, 'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding),
    'collate', d.datcollate, 'ctype', d.datctype, 'provider', coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
    'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
    'acl', (SELECT jsonb_agg(jsonb_build_object('grantee', CASE a.grantee WHEN 0 THEN null ELSE pg_get_userbyid(a.grantee) END,
        'privilege', a.privilege_type, 'grantable', a.is_grantable)) FROM aclexplode(d.datacl) AS a),
    'settings', (SELECT coalesce(jsonb_agg(jsonb_build_object('role', r.rolname, 'name', split_part(s, '=', 1), 'value', substr(s, strpos(s, '=') + 1))), '[]')
        FROM pg_db_role_setting x LEFT JOIN pg_roles r ON r.oid = x.setrole, unnest(x.setconfig) AS s WHERE x.setdatabase = d.oid)
  )::text || ',' FROM pg_database d WHERE d.datname = current_database();

SELECT '  "roles": ' || coalesce(json_agg(rolname ORDER BY rolname)::text, '[]') || ',' FROM pg_roles
  WHERE rolname !~ '^pg_' AND oid IN (
    SELECT datdba FROM pg_database WHERE datname = current_database()
    UNION SELECT a.grantee FROM pg_database, aclexplode(datacl) AS a WHERE datname = current_database()
    UNION SELECT nspowner FROM pg_namespace WHERE nspname IN ('auth', 'audit')
    UNION SELECT a.grantee FROM pg_namespace, aclexplode(nspacl) AS a WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION SELECT relowner FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('auth', 'audit'))
    UNION SELECT a.grantee FROM pg_class, aclexplode(relacl) AS a
      WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('auth', 'audit'))
    UNION SELECT a.grantee FROM pg_proc, aclexplode(proacl) AS a
      WHERE pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('auth', 'audit'))
    UNION SELECT defaclrole FROM pg_default_acl
    UNION SELECT a.grantee FROM pg_default_acl, aclexplode(defaclacl) AS a);

SELECT format('  "server_version": "%s",', current_setting('server_version_num')::int / 10000);
SELECT format('  "schema_version": %s,', max(version)) FROM auth.migrations;
