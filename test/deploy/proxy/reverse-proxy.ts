import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from '../stack.ts';

/** The two that stand in front of the servers; whoever is asked about does the same things. */
export interface ReverseProxy {
  readonly name: 'nginx' | 'apache';
  readonly service: string;
  /** In the other's place, with fresh counters, and in front of the servers or of whatever has the name `upstream`. */
  start(stack: Stack, upstream?: string): Promise<void>;
  stop(stack: Stack): Promise<void>;
  /** Asks again where a request without effects was sent and not answered. */
  readonly repeatsReads: boolean;
  /** Refuses the handshake for a name that is not ours, and not only the request. */
  readonly refusesHandshake: boolean;
}

const APACHE = '-f docker-compose.apache.yml';

export const nginx: ReverseProxy = {
  name: 'nginx',
  service: 'nginx',
  repeatsReads: true,
  refusesHandshake: true,
  async start(stack, upstream = 'app:3000') {
    const pool = join(stack.folder, 'nginx/live/pool.conf');
    const kept = `${pool}.kept`;
    if (!existsSync(kept)) writeFileSync(kept, readFileSync(pool));
    writeFileSync(pool, readFileSync(kept, 'utf8').replaceAll('app:3000', upstream));
    await stack.compose('up -d --no-deps --no-recreate nginx');
    await stack.compose('restart -t 1 nginx');
    await stack.compose('up -d --no-deps --no-recreate --wait nginx');
  },
  async stop(stack) {
    await stack.compose('stop -t 1 nginx');
  },
};

export const apache: ReverseProxy = {
  name: 'apache',
  service: 'apache',
  repeatsReads: false,
  refusesHandshake: false,
  async start(stack, upstream = 'app:3000') {
    const env = { ...stack.env, AUTH_API_UPSTREAM: upstream };
    await apache.stop(stack);
    await stack.compose(`${APACHE} up -d --no-deps --wait apache`, { env });
  },
  async stop(stack) {
    await stack.compose(`${APACHE} kill apache`, { ok: false });
    await stack.compose(`${APACHE} rm -f apache`);
  },
};
