-- Gives a restored database what a dump does not hold: its owner, who may connect, what is set for it. Takes the psql
-- variables `facts` (the manifest's "database") and `target`. Every name is quoted here, whatever the manifest says.
SET search_path = pg_catalog;
SELECT format('ALTER DATABASE %I OWNER TO %I', :'target', :'facts'::jsonb ->> 'owner')
\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'target') WHERE :'facts'::jsonb ->> 'acl' IS NOT NULL
\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a ->> 'privilege', :'target',
    coalesce(quote_ident(a ->> 'grantee'), 'PUBLIC'), CASE WHEN (a ->> 'grantable')::boolean THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM jsonb_array_elements(nullif(:'facts'::jsonb -> 'acl', 'null')) AS a
  WHERE a ->> 'privilege' IN ('CONNECT', 'CREATE', 'TEMPORARY') AND a ->> 'grantee' IS DISTINCT FROM :'facts'::jsonb ->> 'owner'
\gexec
SELECT format('ALTER %s SET %I TO %s',
    CASE WHEN s ->> 'role' IS NULL THEN format('DATABASE %I', :'target')
      ELSE format('ROLE %I IN DATABASE %I', s ->> 'role', :'target') END, s ->> 'name',
    -- Lists of names are kept with their quotes; anything else is one value.
    CASE WHEN s ->> 'name' IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
      THEN (SELECT string_agg(quote_ident(btrim(one, ' "')), ', ') FROM unnest(string_to_array(s ->> 'value', ',')) AS one)
      ELSE quote_literal(s ->> 'value') END)
  FROM jsonb_array_elements(:'facts'::jsonb -> 'settings') AS s
\gexec
