import type { RedisSettings } from '../../config/config.ts';
import type { Logger } from '../log.ts';
import type { CacheStatus } from './cache.ts';
import { type Circuit, circuitBreaker, inTime, LATE } from './circuit.ts';
import { type Connection, keepConnected, type RedisClient } from './connection.ts';

/** The connection for commands behind its circuit, with the deletions that Redis has not confirmed. */
export interface RedisLink {
  run<T>(work: (client: RedisClient) => Promise<T>): Promise<T | null>;
  remove(keys: string[]): Promise<void>;
  status(): CacheStatus;
  close(): void;
}

interface State {
  connection: Connection;
  circuit: Circuit;
  /** Made up for before the circuit closes, or values that were taken back would be read again. */
  owed: Set<string>;
  isProbing: boolean;
  hasFailed: boolean;
  onError(error: unknown): void;
  onRecovery(): void;
}

const PROBE_MS = 1000;
const MAX_OWED = 10_000;

export function redisLink(settings: RedisSettings, log: Logger): RedisLink {
  const { host, port } = settings;
  const warn = occasionally((error) => log.warn({ err: error }, 'Redis answered with an error'));
  const onError = (error: unknown) => {
    state.hasFailed = true;
    // While there is no connection, its keeper says what is wrong.
    if (state.connection.ready() !== null) warn(error);
  };
  const circuit = circuitBreaker({
    onOpen: () => log.warn({ host, port }, 'the cache is degraded: going on without Redis'),
    onFailure: onError,
  });
  const connection = keepConnected({
    settings,
    log,
    role: 'commands',
    onReady: (client) => void probe(client, state),
    onLost: () => circuit.open(),
  });
  const onRecovery = () => log.info({ host, port }, 'the cache is Redis');
  const state: State = {
    connection,
    circuit,
    owed: new Set(),
    isProbing: false,
    hasFailed: false,
    onError,
    onRecovery,
  };
  const timer = setInterval(() => void probe(connection.ready(), state), PROBE_MS);
  timer.unref();

  const run: RedisLink['run'] = async (work) => {
    const client = connection.ready();
    return client === null ? null : circuit.run(() => work(client));
  };
  return {
    run,
    remove: (keys) => remove(keys, run, state),
    status: () => statusOf(state),
    close() {
      clearInterval(timer);
      connection.close();
    },
  };
}

/** Asks in the background whether Redis answers, and settles what is owed before anybody reads again. */
async function probe(client: RedisClient | null, state: State): Promise<void> {
  const { circuit, owed } = state;
  if (client === null || state.isProbing) return;
  state.isProbing = true;
  try {
    const keys = [...owed];
    const answer = await inTime<unknown>(client.sendCommand(keys.length > 0 ? ['DEL', ...keys] : ['PING']));
    if (answer === LATE) return circuit.open();
    for (const key of keys) owed.delete(key);
    state.connection.alive();
    state.hasFailed = false;
    if (owed.size > 0) return;
    if (circuit.isOpen()) state.onRecovery();
    circuit.close();
  } catch (error) {
    state.onError(error);
    circuit.open();
  } finally {
    state.isProbing = false;
  }
}

async function remove(keys: string[], run: RedisLink['run'], { owed, circuit }: State): Promise<void> {
  if (keys.length === 0 || (await run((client) => client.sendCommand(['DEL', ...keys]))) !== null) return;
  // Past the bound the time to live has to do.
  for (const key of keys) if (owed.size < MAX_OWED) owed.add(key);
  circuit.open();
}

function statusOf({ circuit, connection, hasFailed }: State): CacheStatus {
  const isOk = !circuit.isOpen() && !hasFailed && connection.ready() !== null;
  const latencyMs = circuit.latencyMs();
  return { kind: 'redis', status: isOk ? 'ok' : 'degraded', ...(latencyMs === undefined ? {} : { latencyMs }) };
}

/** At most one call in half a minute gets through. */
function occasionally(say: (error: unknown) => void): (error: unknown) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (performance.now() - last < 30_000) return;
    last = performance.now();
    say(error);
  };
}
