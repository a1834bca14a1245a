-- People, their devices and sessions, and an audit log of ten months. Whatever looks random is made of a number, so that
-- every run has the same rows and population.ts can name them. Placeholders: :users :lines :base :password_hash
CREATE SCHEMA bench;
CREATE TABLE bench.population AS
  SELECT :users::bigint AS users, :lines::bigint AS lines, :base::timestamptz AS base, now() AS seeded_at, false AS is_whole;

-- As the server makes ids: version 7, in the order of time.
CREATE FUNCTION bench.id(at timestamptz, hex text) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(hex, 1, 3) || '8' || substr(hex, 4, 15))::uuid
$$;
CREATE FUNCTION bench.digest(text) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(convert_to($1, 'UTF8'))
$$;
CREATE PROCEDURE bench.people() LANGUAGE sql AS $$
  INSERT INTO auth.users (id, email, email_verified_at, name, password_hash, password_changed_at, created_at, updated_at, last_login_at)
  SELECT bench.id(at, md5('user' || n)), 'u' || lpad(n::text, 7, '0') || '@example.com', at, 'Person ' || lpad(n::text, 7, '0'),
    :password_hash, at, at, at, at
  FROM bench.population, generate_series(0, users - 1) AS n,
    LATERAL (SELECT base + n * (25920000000 / users) * interval '1 ms') AS made (at);

  INSERT INTO auth.devices (id, user_id, token_hash, user_agent, created_at, last_used_at, expires_at)
  SELECT bench.id(u.created_at, md5('device' || n)), u.id,
    bench.digest('dt_' || encode(bench.digest('device' || n), 'hex')), 'Bench/1.0', u.created_at, seeded_at, seeded_at + interval '180 days'
  FROM bench.population, auth.users u, LATERAL (SELECT substr(u.email, 2, 7)::bigint) AS number (n);

  -- Two for each person, all begun in one day. Milliseconds, as the server writes them.
  INSERT INTO auth.sessions (id, user_id, kind, secret_hash, rotated_at, authenticated_at, amr, address, user_agent,
      created_at, last_seen_at, expires_at)
  SELECT bench.id(at, md5('session' || n)), bench.id(base + n / 2 * (25920000000 / users) * interval '1 ms', md5('user' || n / 2)), 'token', sha256(substr(bench.digest('nonce' || n), 1, 16)),
    at, at, '{pwd}', '198.18.0.' || n % 256, 'Bench/1.0', at, at, at + interval '365 days'
  FROM bench.population, generate_series(0, 2 * users - 1) AS n,
    LATERAL (SELECT date_trunc('milliseconds', base + interval '300 days' + n * (43200000000 / users) * interval '1 us')) AS made (at);

  INSERT INTO auth.user_roles (user_id, role) SELECT id, 'admin' FROM auth.users WHERE email = 'u0000000@example.com';

  -- Accounts that somebody guesses at.
  INSERT INTO auth.guards (key, window_started_at, attempts, updated_at)
  SELECT bench.digest('guard' || n), seeded_at, 1, seeded_at FROM bench.population, generate_series(0, users / 50) AS n;
$$;

-- Lines first..last: as many for each person, of the kinds that a log has most of, and few of a rare one.
CREATE PROCEDURE bench.write_lines(first bigint, last bigint) LANGUAGE sql AS $$
  INSERT INTO audit.events (seq, id, at, action, outcome, actor_type, actor_id, subject_id, session_id, request_id, detail,
      personal, personal_salt, personal_hash, genuine, sealed_at, hash)
  SELECT n, bench.id(at, hex), at,
    CASE WHEN kind = 255 THEN 'user.disabled' WHEN kind < 110 THEN 'session.login' WHEN kind < 180 THEN 'session.refreshed'
      WHEN kind < 205 THEN 'session.login_failed' WHEN kind < 235 THEN 'session.logout' ELSE 'user.updated' END,
    CASE WHEN kind BETWEEN 180 AND 204 THEN 'failure' ELSE 'success' END,
    'user', who, who, bench.id(at, reverse(hex)), hex, '{"method": "password"}',
    jsonb_build_object('address', '198.18.' || kind || '.' || get_byte(salt, 3), 'user_agent',
      'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'),
    salt, sha256(salt), true, at, bench.digest('chain' || n)
  FROM bench.population, generate_series(first, last) AS n,
    LATERAL (SELECT date_trunc('milliseconds', base + n * (25920000000000 / lines) * interval '1 us'), md5('line' || n)) AS drawn (at, hex),
    LATERAL (SELECT decode(hex, 'hex'), get_byte(decode(hex, 'hex'), 7)) AS more (salt, kind),
    LATERAL (SELECT bench.id(base + (n * 7919 % users) * (25920000000 / users) * interval '1 ms', md5('user' || n * 7919 % users))) AS person (who);
$$;

-- As if a hundred lines had been sealed at a time. Nobody has signed these; the last one is signed by the bench.
CREATE PROCEDURE bench.write_checkpoints() LANGUAGE sql AS $$
  INSERT INTO audit.checkpoints (first_seq, prev_hash, seq, hash, at, key_id, signature)
  SELECT n - 99, bench.digest('chain' || n - 100), n, bench.digest('chain' || n), e.sealed_at, 'bench',
    sha256(bench.digest('a' || n)) || sha256(bench.digest('b' || n))
  FROM bench.population, generate_series(100, lines - 100, 100) AS n, audit.events e WHERE e.seq = n;
$$;
