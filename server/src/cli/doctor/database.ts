import type { Config } from '../../config/config.ts';
import { createKeys } from '../../core/keys/index.ts';
import { outboxDepth } from '../../core/outbox/index.ts';
import { countAdministrators } from '../../core/users/index.ts';
import { type Clock, systemClock } from '../../platform/clock.ts';
import { type Db, pendingMigrations } from '../../platform/db/index.ts';
import { createEncryption } from '../../platform/encryption.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { readAuditState, readMissingRights, readServer, type ServerFacts } from './store.ts';

const LEAST_VERSION = 140_000;
const SLOW_MS = 20;
const CLOCK_WARN_MS = 1_000;
const CLOCK_FAIL_MS = 30_000;
const MINUTE = 60_000;

/** Everything that the database tells, from the connection to what waits in it. */
export async function databaseFindings(db: Db, config: Config, isBorrowed: boolean): Promise<Finding[]> {
  const started = performance.now();
  await readServer(db);
  const askedAt = systemClock.now();
  const again = performance.now();
  const server = await readServer(db);
  const latency = performance.now() - again;
  const findings = [
    reach(db, server, performance.now() - started, latency, isBorrowed),
    clockFinding(server.now.getTime() - (askedAt + latency / 2)),
    ...(config.database.kind === 'embedded' ? [powerLoss(config)] : connections(config.database.poolMax, server)),
  ];
  const pending = await pendingMigrations(db);
  findings.push(migrations(pending, config, isBorrowed));
  if (pending.length > 0) return findings;
  return [...findings, await rights(db, server), ...(await contents(db, config, systemClock))];
}

function reach(db: Db, server: ServerFacts, first: number, latency: number, isBorrowed: boolean): Finding {
  const where = db.engine === 'embedded' ? `embedded${isBorrowed ? ', through the running server' : ''}` : 'reachable';
  const text = `PostgreSQL ${server.name}, ${where}, ${first.toFixed(0)} ms for the first answer, ${latency.toFixed(1)} ms after`;
  if (server.version < LEAST_VERSION) return fail('database', text, 'PostgreSQL 14 or newer is needed: upgrade it.');
  if (latency > SLOW_MS)
    return warn('database', text, 'Put the database nearer to the server: a sign-in takes several answers.');
  return ok('database', text);
}

function clockFinding(difference: number): Finding {
  const text = `${Math.abs(difference / 1000).toFixed(1)} s between this clock and the database’s`;
  const mend = 'Synchronise both with NTP: tokens and links expire by the clock.';
  if (Math.abs(difference) > CLOCK_FAIL_MS) return fail('clock', text, mend);
  return Math.abs(difference) > CLOCK_WARN_MS ? warn('clock', text, mend) : ok('clock', text);
}

function powerLoss(config: Config): Finding {
  const text = 'The embedded database survives a killed process, not a power cut.';
  if (config.NODE_ENV === 'production')
    return warn('durability', text, '`auth-api data move --to=postgres://…` carries everything to PostgreSQL.');
  return ok('durability', `${text} Production is for PostgreSQL: \`auth-api data move\` carries everything over.`);
}

function connections(poolMax: number, server: ServerFacts): Finding[] {
  // One more each for the change feed and for a migration.
  const own = poolMax + 2;
  const free = server.connections_max - server.connections;
  const text = `one server takes up to ${own}, the database allows ${server.connections_max}, ${server.connections} are in use`;
  if (own > server.connections_max)
    return [fail('connections', text, 'Lower DB_POOL_MAX, or raise max_connections there.')];
  if (own > free)
    return [
      warn(
        'connections',
        text,
        'The sum of DB_POOL_MAX over all servers must stay below max_connections: lower the one or raise the other.',
      ),
    ];
  return [ok('connections', text)];
}

function migrations(pending: number[], config: Config, isBorrowed: boolean): Finding {
  if (pending.length === 0) return ok('migrations', 'the schema is up to date');
  const text = `${pending.length} to come: ${pending.join(', ')}`;
  if (isBorrowed) return warn('migrations', text, 'The running server is older than this command: restart it.');
  if (config.MIGRATE_ON_START)
    return warn('migrations', text, 'The next start applies them; or run `auth-api migrate up` now.');
  return fail('migrations', text, 'Run `auth-api migrate up`: until then the server does not get ready.');
}

async function rights(db: Db, server: ServerFacts): Promise<Finding> {
  const missing = await readMissingRights(db);
  if (missing.length > 0) {
    const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
    return fail(
      'rights',
      `the role lacks ${missing.slice(0, 5).join('; ')}${more}`,
      'GRANT them, as the role that owns the tables.',
    );
  }
  if (db.engine === 'postgres' && server.is_superuser) {
    return warn(
      'rights',
      'the server signs in to the database as a superuser',
      'Give it a role of its own: a superuser can rewrite the audit log.',
    );
  }
  return ok('rights', 'the role has what it takes');
}

async function contents(db: Db, config: Config, clock: Clock): Promise<Finding[]> {
  const now = clock.now();
  return [
    await administrators(db),
    await signingKeys(db, config, clock),
    await auditState(db, now),
    await outbox(db, now),
  ];
}

async function administrators(db: Db): Promise<Finding> {
  const count = await countAdministrators(db);
  if (count > 0) return ok('administrators', `${count} active`);
  return warn(
    'administrators',
    'there is none',
    '`auth-api users create --email=… --admin` or `auth-api setup-link` makes the first.',
  );
}

async function signingKeys(db: Db, config: Config, clock: Clock): Promise<Finding> {
  const encryption = createEncryption(config.ENCRYPTION_KEY);
  const keys = createKeys({
    db,
    encryption,
    clock,
    config,
    changes: { announce: () => undefined, onChange: () => undefined },
  });
  if (!keys.managed) return ok('signing keys', 'your own, from the settings');
  try {
    await keys.reload();
  } catch {
    return fail(
      'signing keys',
      'ENCRYPTION_KEY does not open the keys in the database',
      'Set the ENCRYPTION_KEY that the data was made with (a list: the first seals, all open).',
    );
  }
  const usable = keys.verifiers().length;
  if (usable === 0) return ok('signing keys', 'none yet: the first start makes one');
  return ok('signing keys', `${usable} in use, the present one is ${keys.signer().kid.slice(0, 12)}…`);
}

async function auditState(db: Db, now: number): Promise<Finding> {
  const { head, waiting, waiting_since: since } = await readAuditState(db);
  const text = `${head} lines sealed, ${waiting} waiting`;
  const isOld = since !== null && now - since.getTime() > MINUTE;
  if (isOld)
    return warn(
      'audit',
      `${text}, the oldest for ${ago(now - since.getTime())}`,
      'Lines are sealed by a running server: is one running, and does its log speak of the audit log?',
    );
  return ok('audit', `${text} (\`auth-api audit verify\` checks the chain)`);
}

async function outbox(db: Db, now: number): Promise<Finding> {
  const { waiting, oldest, failed } = await outboxDepth(db);
  const text = `${waiting} mails waiting, ${failed} given up in the last 30 days`;
  if (oldest !== null && now - oldest.getTime() > 10 * MINUTE) {
    return warn(
      'outbox',
      `${text}, the oldest waits for ${ago(now - oldest.getTime())}`,
      'Mails are sent by a running server; see the check of the mail service.',
    );
  }
  return failed > 0 ? warn('outbox', text, 'The log says `mail.failed` with the reason for each.') : ok('outbox', text);
}

function ago(ms: number): string {
  if (ms < 120 * MINUTE) return `${Math.round(ms / MINUTE)} minutes`;
  return ms < 2880 * MINUTE ? `${Math.round(ms / (60 * MINUTE))} hours` : `${Math.round(ms / (1440 * MINUTE))} days`;
}
