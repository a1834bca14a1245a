import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../row.ts';
import { ensureStores } from '../stores.ts';

const FREE_OF_ERRORS = 'SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL OR NOT applied';
/** Sorts as much as work_mem holds, and keeps its connection for a moment. */
const HEAVY =
  'SELECT count(*) FROM (SELECT repeat(md5(n::text), 32) AS m FROM generate_series(1, 4500) n ORDER BY m) AS s;\nSELECT pg_sleep(3);';

/** The server with postgresql.conf and pg_hba.conf. */
export const serverRows: readonly Row[] = [
  {
    name: 'starts with postgresql.conf, and every line of it is in force',
    async run(t) {
      const { sql } = await ensureStores(t.root);
      assert.deepEqual(await sql('postgres', FREE_OF_ERRORS), []);
      assert.deepEqual(await sql('postgres', 'SELECT name FROM pg_settings WHERE pending_restart'), []);
      assert.deepEqual(
        await sql('postgres', 'SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL'),
        [],
      );
      const lines = readFileSync(join(t.deploy, 'postgresql.conf'), 'utf8').split('\n');
      const names = lines.flatMap((line) => /^([a-z_.]+) = /.exec(line)?.[1] ?? []);
      const inForce = await sql(
        'postgres',
        "SELECT name FROM pg_settings WHERE source = 'configuration file' AND sourcefile = '/etc/postgresql/postgresql.conf'",
      );
      assert.deepEqual(
        // PostgreSQL keeps the names of its files under a source of their own.
        names.filter((name) => !inForce.includes(name) && name !== 'hba_file'),
        [],
        'overridden by something else',
      );
      assert.deepEqual(await sql('postgres', 'SHOW hba_file'), ['/etc/postgresql/pg_hba.conf']);
      t.figure('settings', names.length);
      const [calls = '0'] = await sql('postgres', 'SELECT sum(calls) FROM pg_stat_statements');
      assert.ok(Number(calls) > 0, 'pg_stat_statements counts');
    },
  },
  {
    name: 'lets in over TLS with a password, by SCRAM, and nobody else',
    async run(t) {
      const { sql, log } = await ensureStores(t.root);
      const isEncrypted = "SELECT version >= 'TLSv1.2' FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl";
      assert.deepEqual(await sql('auth_app', isEncrypted, { at: 'host=postgres dbname=auth_db sslmode=require' }), [
        't',
      ]);
      const refusedWith = async (where: string): Promise<string> => {
        const failure = await sql('auth_app', 'SELECT 1', { at: where }).catch((error: Error) => error);
        assert.ok(failure instanceof Error, `let in: ${where}`);
        return failure.message;
      };
      assert.match(
        await refusedWith('host=postgres dbname=auth_db sslmode=disable'),
        /pg_hba\.conf rejects.*no encryption/,
      );
      assert.match(
        await refusedWith('host=postgres dbname=auth_db sslmode=require user=auth_owner'),
        /password authentication failed/,
      );
      assert.match(
        await refusedWith('host=postgres dbname=postgres sslmode=require replication=true'),
        /must be superuser or replication|permission denied/i,
      );
      assert.match(
        await refusedWith(
          'host=postgres dbname=auth_db sslmode=require ssl_max_protocol_version=TLSv1.1 ssl_min_protocol_version=TLSv1',
        ),
        /protocol|version/i,
      );
      const kept = 'SELECT DISTINCT left(rolpassword, 13) FROM pg_authid WHERE rolpassword IS NOT NULL';
      assert.deepEqual(await sql('postgres', kept), ['SCRAM-SHA-256']);
      assert.match(await log('postgres'), /connection authenticated: identity="auth_app" method=scram-sha-256/);
    },
  },
  {
    name: 'stays within the memory of its container with nearly every connection at work, and keeps room for the migrator',
    async run(t) {
      const { compose, sql } = await ensureStores(t.root);
      const id = (await compose('ps -q postgres')).stdout.trim();
      await compose("exec -T postgres sh -c 'cat > /tmp/heavy.sql'", { stdin: HEAVY });
      // As the superuser, in the number that the servers may have.
      let isOver = false;
      const load = compose(
        'exec -T postgres pgbench -U postgres -d auth_db -n -c 120 -j 2 -t 1 -f /tmp/heavy.sql',
      ).finally(() => (isOver = true));
      const samples: string[][] = [];
      while (!isOver) {
        const { stdout } = await t.sh(`docker stats --no-stream --format '{{.MemUsage}}' ${id}`);
        samples.push(stdout.trim().split(' / '));
      }
      assert.match((await load).stdout, /number of transactions actually processed: 120\/120/);
      const used = Math.max(
        ...samples.map(([text = '']) => Number.parseFloat(text) * (text.endsWith('GiB') ? 1024 : 1)),
      );
      const limit = samples[0]?.[1];
      assert.equal(limit, '2GiB');
      t.figure('120 connections sorting take, MiB', Math.round(used));
      assert.ok(used < 2048 * 0.9);
      const crowd = `SELECT setting::int - (SELECT sum(setting::int) FROM pg_settings WHERE name IN ('reserved_connections',
        'superuser_reserved_connections')) FROM pg_settings WHERE name = 'max_connections'`;
      t.figure('connections for servers', (await sql('postgres', crowd))[0] ?? '?');
      const may = "SELECT pg_has_role('auth_owner', 'pg_use_reserved_connections', 'USAGE')";
      assert.deepEqual(await sql('postgres', may), ['t']);
    },
  },
];
