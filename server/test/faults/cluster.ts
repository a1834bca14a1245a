import { type ServerProcess, serviceEnv, startServer } from '../processes.ts';
import { type PrivatePostgres, type PrivateRedis, startPostgres, startRedis } from '../programs.ts';

export interface Cluster {
  postgres: PrivatePostgres;
  redis: PrivateRedis;
  service: Record<string, string>;
  servers: [ServerProcess, ServerProcess, ServerProcess];
}

/** Three processes of one service on a PostgreSQL and a Redis of their own. */
export async function startCluster(env: Record<string, string> = {}): Promise<Cluster> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const service = serviceEnv({ DATABASE_URL: postgres.url, REDIS_URL: redis.url, ...env });
  const servers = await Promise.all([startServer(service), startServer(service), startServer(service)]);
  return { postgres, redis, service, servers: servers as Cluster['servers'] };
}

/** Asks `times` times at once, spread over the processes. */
export function atOnce<T>(
  servers: readonly ServerProcess[],
  times: number,
  ask: (server: ServerProcess, at: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, at) => ask(servers[at % servers.length] as ServerProcess, at)));
}
