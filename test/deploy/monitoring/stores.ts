import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../local-server.ts';
import type { RowContext } from '../row.ts';

export interface Stores {
  readonly postgres: { readonly port: number; readonly url: string; readonly monitorPasswordFile: string };
  readonly redis: { readonly port: number; readonly password: string; readonly monitorPassword: string };
  sql(text: string): Promise<void>;
}

const SECRETS = ['db', 'db_owner', 'db_app', 'db_readonly', 'db_monitor', 'redis', 'redis_monitor'];

/** PostgreSQL and Redis with our own roles and users, so that the exporters have no more rights than in the stack. */
export async function startStores(t: RowContext): Promise<Stores> {
  const folder = join(t.scratch, 'secrets');
  mkdirSync(folder);
  chmodSync(t.scratch, 0o755);
  const secrets: Record<string, string> = {};
  for (const name of SECRETS) {
    secrets[name] = randomBytes(24).toString('hex');
    writeFileSync(join(folder, `${name}_password`), secrets[name], { mode: 0o444 });
  }
  const [postgres, redis] = ['postgres', 'redis'].map((name) => `auth-api-test-monitoring-${name}-${process.pid}`);
  t.after(() => t.sh(`docker rm -f -v ${postgres} ${redis}`, { ok: false }));
  const roles = ['owner', 'app', 'readonly', 'monitor'].map(
    (role) => `-e DB_${role.toUpperCase()}_PASSWORD_FILE=/run/secrets/db_${role}_password`,
  );
  await t.sh(`docker run -d --name ${postgres} -p 127.0.0.1::5432 -e POSTGRES_DB=auth_db -e POSTGRES_PASSWORD_FILE=/run/secrets/db_password \
    ${roles.join(' ')} -v ${folder}:/run/secrets:ro -v ${t.deploy}/init-db.sql:/docker-entrypoint-initdb.d/10-init-db.sql:ro \
    postgres:17 postgres -c fsync=off -c shared_preload_libraries=pg_stat_statements
    docker run -d --name ${redis} -p 127.0.0.1::6379 --user 999:999 --tmpfs /run/redis:uid=999,gid=999,mode=0700 -v ${folder}:/run/secrets:ro \
    -v ${t.deploy}/redis.conf:/etc/redis/redis.conf:ro -v ${t.deploy}/redis/start.sh:/etc/redis/start.sh:ro \
    --entrypoint sh redis:8 /etc/redis/start.sh redis-server /etc/redis/redis.conf`);
  const portOf = async (name: string | undefined, inside: number): Promise<number> =>
    Number((await t.sh(`docker port ${name} ${inside}/tcp`)).stdout.trim().split(':').at(-1));
  const sql = async (text: string): Promise<void> =>
    void (await t.sh(`docker exec -i ${postgres} psql -q -U postgres -d auth_db -v ON_ERROR_STOP=1`, {
      stdin: `${text}\n`,
    }));
  const isUp = `docker exec ${postgres} pg_isready -q -h 127.0.0.1 -U postgres && docker exec ${redis} sh -c 'redis-cli ping | grep -q NOAUTH'`;
  await until(async () => (await t.sh(isUp, { ok: false })).status === 0, 'PostgreSQL and Redis', 60);
  const port = await portOf(postgres, 5432);
  return {
    postgres: {
      port,
      url: `postgres://postgres:${secrets.db}@127.0.0.1:${port}/auth_db`,
      monitorPasswordFile: join(folder, 'db_monitor_password'),
    },
    redis: {
      port: await portOf(redis, 6379),
      password: secrets.redis ?? '',
      monitorPassword: secrets.redis_monitor ?? '',
    },
    sql,
  };
}
