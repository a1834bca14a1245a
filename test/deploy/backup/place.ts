/**
 * Two PostgreSQL servers, and a machine with nothing but PostgreSQL's client programs, bash and coreutils, from which the
 * scripts are run as the stack runs them. Made by the first row that asks, gone with the process.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installation, until } from '../local-server.ts';
import type { Done, RowContext, ShOptions } from '../row.ts';

const PREFIX = 'auth-api-test-backup';
const IMAGE = 'postgres:17';
const ROLES = ['db', 'db_owner', 'db_app', 'db_readonly', 'db_monitor'] as const;
const USERS = 20_000;

export interface Place {
  /** Bound at the same path into the tools. */
  readonly folder: string;
  /** Settings that all servers of this installation have in common. */
  readonly settings: Readonly<Record<string, string>>;
  /** Runs a shell text where the client programs are; the scripts are in $DEPLOY. */
  tools(t: RowContext, command: string, options?: ToolsOptions): Promise<Done>;
  /** One answer of a database, as its superuser. */
  ask(t: RowContext, database: string, statement: string, server?: Server): Promise<string>;
  /** A URL from this machine. */
  url(role: string, database?: string, server?: Server): string;
  /** The same from the tools. */
  urlWithin(role: string, database: string, server?: Server): string;
}

type Server = 'db' | 'elsewhere';
interface ToolsOptions extends Pick<ShOptions, 'ok' | 'seconds' | 'stdin'> {
  readonly env?: Readonly<Record<string, string>>;
}

export const CANARY = { email: 'canary@example.com', password: 'Quokka-lantern-42-violet' };

let made: Promise<Place> | undefined;
export function place(t: RowContext): Promise<Place> {
  made ??= make(t);
  return made;
}

/** The last row calls it; the end of the process does so too. */
export function remove(): void {
  for (const name of ['db', 'elsewhere', 'tools'])
    quietly('docker', ['rm', '--force', '--volumes', `${PREFIX}-${name}`]);
  quietly('docker', ['network', 'rm', PREFIX]);
}

function quietly(program: string, words: string[]): void {
  try {
    execFileSync(program, words, { stdio: 'ignore' });
  } catch {
    // It was not there.
  }
}

async function make(t: RowContext): Promise<Place> {
  remove();
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-backup-'));
  process.once('exit', () => {
    remove();
    rmSync(folder, { recursive: true, force: true });
  });
  mkdirSync(join(folder, 'secrets'), { mode: 0o755 });
  for (const role of ROLES)
    writeFileSync(join(folder, 'secrets', `${role}_password`), `it's:a\\${role}_passphrase\n`, { mode: 0o644 });
  await t.sh('chmod 755 . secrets', { cwd: folder });
  await t.sh(`docker network create ${PREFIX}`);
  const secrets = `--volume ${folder}/secrets:/run/secrets:ro ${ROLES.slice(1)
    .map((role) => `--env ${role.toUpperCase()}_PASSWORD_FILE=/run/secrets/${role}_password`)
    .join(' ')}`;
  const database = (name: string, more: string): Promise<Done> =>
    t.sh(`docker run --detach --name ${PREFIX}-${name} --network ${PREFIX} --network-alias ${name} \
      --publish 127.0.0.1::5432 --env POSTGRES_PASSWORD_FILE=/run/secrets/db_password ${secrets} ${more} ${IMAGE}`);
  await database(
    'db',
    `--env POSTGRES_DB=auth_db --volume ${t.deploy}/init-db.sql:/docker-entrypoint-initdb.d/10.sql:ro`,
  );
  await database('elsewhere', '');
  await t.sh(`docker run --detach --init --name ${PREFIX}-tools --network ${PREFIX} --tmpfs /small:size=1m \
    --volume ${folder}:${folder} --volume ${t.root}:${t.root}:ro --volume ${process.execPath}:/usr/local/bin/node:ro \
    --volume "$(command -v age)":/usr/local/bin/age:ro --volume "$(command -v age-keygen)":/usr/local/bin/age-keygen:ro \
    --entrypoint sleep ${IMAGE} infinity`);
  const here = await describe(t, folder);
  await fill(t, here);
  return here;
}

async function describe(t: RowContext, folder: string): Promise<Place> {
  const settings = installation({
    MIGRATE_ON_START: 'false',
    RATE_LIMIT_LOGIN: '1000000/60',
    RATE_LIMIT_USER: '1000000/60',
    HASH_CONCURRENCY: '1',
  });
  const ports = new Map<Server, string>();
  for (const name of ['db', 'elsewhere'] as const) {
    const ready = () =>
      t
        .sh(`docker exec ${PREFIX}-${name} pg_isready --quiet --host=127.0.0.1 --username=postgres`, { ok: false })
        .then(({ status }) => status === 0);
    await until(ready, `${name} is ready`, 40);
    const { stdout } = await t.sh(`docker port ${PREFIX}-${name} 5432/tcp`);
    ports.set(name, stdout.trim().split(':').at(-1) ?? '');
  }
  const secret = (role: string): string =>
    encodeURIComponent(`it's:a\\${role === 'postgres' ? 'db' : role.replace('auth_', 'db_')}_passphrase`).replace(
      "'",
      '%27',
    );
  const here: Place = {
    folder,
    settings,
    url: (role, database = 'auth_db', server = 'db') =>
      `postgres://${role}:${secret(role)}@127.0.0.1:${ports.get(server)}/${database}`,
    urlWithin: (role, database, server = 'db') => `postgres://${role}:${secret(role)}@${server}:5432/${database}`,
    tools(inRow, command, { env = {}, ...options } = {}) {
      const all = { ...toolsEnv(inRow, folder), ...env };
      const words = Object.entries(all).map(([name, value]) => `--env '${name}=${value}'`);
      return inRow.sh(
        `docker exec --interactive ${words.join(' ')} ${PREFIX}-tools bash --norc -euo pipefail -c "$TEXT"`,
        {
          seconds: 200,
          ...options,
          env: { TEXT: command },
        },
      );
    },
    ask: async (inRow, database, statement, server = 'db') =>
      (
        await inRow.sh(
          `docker exec --interactive ${PREFIX}-${server} psql --username=postgres --no-align --tuples-only \
          --quiet --set=ON_ERROR_STOP=1 --dbname=${database}`,
          { stdin: statement },
        )
      ).stdout.trim(),
  };
  return here;
}

/** As the backup service of the stack has it; a restore is told to be the superuser. */
function toolsEnv(t: RowContext, folder: string): Record<string, string> {
  return {
    DEPLOY: t.deploy,
    DB_HOST: 'db',
    DB_USER: 'auth_owner',
    DB_PASSWORD_FILE: `${folder}/secrets/db_owner_password`,
    RESTORE_DB_PASSWORD_FILE: `${folder}/secrets/db_password`,
    BACKUP_DIR: `${folder}/backups`,
  };
}

/** What makes the tools restore: another role, another password. */
export const restorer = (here: Place, more: Record<string, string> = {}): Record<string, string> => ({
  DB_USER: 'postgres',
  DB_PASSWORD_FILE: `${here.folder}/secrets/db_password`,
  ...more,
});

/** The schema by its owner, an account that can sign in, and enough rows that a dump takes a moment. */
async function fill(t: RowContext, here: Place): Promise<void> {
  const env = { ...here.settings, DATABASE_URL: here.url('auth_owner'), DATA_DIR: join(here.folder, 'data') };
  const api = `${process.execPath} ${t.root}/server/bin/auth-api.mjs`;
  await t.sh(`${api} migrate up --grant-app auth_app --grant-readonly auth_readonly`, { env });
  await t.sh(`${api} users create --email=${CANARY.email} --password-stdin`, { env, stdin: `${CANARY.password}\n` });
  await here.ask(
    t,
    'auth_db',
    `INSERT INTO auth.users (id, email, name, password_hash, created_at, updated_at)
       SELECT gen_random_uuid(), 'user-' || i || '@example.com', 'Ünï "quoted" \\' || i, (SELECT password_hash FROM auth.users LIMIT 1), now(), now()
       FROM generate_series(1, ${USERS}) AS i;
     INSERT INTO auth.sessions (id, user_id, kind, secret_hash, rotated_at, authenticated_at, amr, address, user_agent, created_at, last_seen_at, expires_at)
       SELECT gen_random_uuid(), id, 'token', sha256(id::text::bytea), now(), now(), '{pwd}', '192.0.2.1', 'seed', now(), now(), now() + interval '30 days'
       FROM auth.users`,
  );
}
