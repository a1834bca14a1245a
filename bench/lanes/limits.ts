import { once } from 'node:events';
import { startMeter } from '../cost.ts';
import { type LoadResult, request } from '../load.ts';
import type { Place } from '../place.ts';
import type { Subject } from '../processes.ts';
import { figureOf, type Lane, loadLane } from '../rounds.ts';

const ROWS = 1000;

/** What the same work costs at the least: an answer, a reading, a change, a hash. */
export const LIMITS = {
  http: 'node:http, one answer',
  fastify: 'Fastify, one answer',
  select: 'Fastify, one prepared select',
  update: 'Fastify, one prepared one-row update',
  hash: 'one hash by the binding',
  login: 'Fastify, a select, a hash, an update',
} as const;

export async function bareHttp(place: Place): Promise<Lane> {
  const { url, pid } = await place.bareHttp();
  const bytes = request(url, { path: '/' });
  return loadLane(LIMITS.http, { subject: pid }, () => ({ url, next: () => bytes }));
}

export async function bareFastify(place: Place): Promise<Lane> {
  const { url, pid } = await place.bareFastify();
  const bytes = request(url, { path: '/answer' });
  return loadLane(LIMITS.fastify, { subject: pid }, () => ({ url, next: () => bytes }));
}

export async function oneSelect(place: Place): Promise<Lane> {
  const { url, pid } = await place.bareFastify();
  const requests = Array.from({ length: ROWS }, (_, row) => request(url, { path: `/select/${row}` }));
  let turn = 0;
  const next = (): Buffer => requests[turn++ % ROWS] as Buffer;
  return loadLane(LIMITS.select, { subject: pid, stores: place.stores }, () => ({ url, next }));
}

export const oneUpdate = (place: Place): Promise<Lane> => posting(place, LIMITS.update, '/update');

export const leastLogin = (place: Place): Promise<Lane> => posting(place, LIMITS.login, '/login');

async function posting(place: Place, name: string, path: string): Promise<Lane> {
  const { url, pid } = await place.bareFastify();
  const requests = Array.from({ length: ROWS }, (_, id) => request(url, { method: 'POST', path, body: { id } }));
  let turn = 0;
  const next = (): Buffer => requests[turn++ % ROWS] as Buffer;
  return loadLane(name, { subject: pid, stores: place.stores }, () => ({ url, next }));
}

export type HashKind = 'binding' | 'node' | 'server-hash' | 'server-verify';

export function hashLane(name: string, { pid, process }: Subject, kind: HashKind): Lane {
  return {
    name,
    async measure(seconds) {
      const meter = startMeter({ subject: pid });
      process.send({ kind, seconds });
      const [result] = (await once(process, 'message')) as [LoadResult];
      return figureOf(result, meter());
    },
  };
}
