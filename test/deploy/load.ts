/**
 * Load whose right answers are known, so that every wrong one is counted and told by its kind: what a client would see
 * while the kit rolls, switches, scales or loses a machine. Requests start on a fixed schedule, however slow the answers
 * are, and nothing is ever sent twice: a failure that a retry would hide is still a failure. Loopback only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Connection, openConnection } from './load-connection.ts';

/** One kind of request. `judge` gives what is wrong with the answer, or null. */
export interface LoadRequest {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  judge?(answer: Answer): string | null;
}

/** What a client of its own asks for: made once for each connection, so that it may remember what it was answered. */
export type LoadClient = () => LoadRequest;

export interface LoadOptions {
  /** The origin, on this machine: http or https. */
  readonly url: string;
  /** Requests a second, over all connections. */
  readonly rate?: number;
  readonly connections?: number;
  /** Opens a connection anew after so many requests, as many clients do; 0 keeps it for good. */
  readonly requestsPerConnection?: number;
  /** Takes any certificate. */
  readonly insecure?: boolean;
  /** The name that the server is asked for (Host, SNI), where it is not the address. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** One client for each connection, by its number; without it `GET /health` and the key set are asked for. */
  readonly client?: (index: number) => LoadClient;
  /** Seconds until a request counts as failed. */
  readonly patience?: number;
  /** Ends by itself after so many seconds, whatever its owner forgets. */
  readonly atMost?: number;
  /** Which version answered, where that can be seen. */
  readonly versionOf?: (answer: Answer) => string | undefined;
}

export interface LoadResult {
  readonly sent: number;
  readonly ok: number;
  /** By what was asked and what went wrong. */
  readonly failed: Readonly<Record<string, number>>;
  readonly byVersion: Readonly<Record<string, number>>;
  /** The first failures, with the millisecond since the start, for finding what happened then. */
  readonly firstFailures: readonly string[];
  readonly seconds: number;
  /** Milliseconds from when the request was due. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Load {
  /** What was counted until now. */
  result(): LoadResult;
  stop(): Promise<LoadResult>;
}

const LONGEST = 900;

export function startLoad(options: LoadOptions): Load {
  const { rate = 100, connections = 8, atMost = 300 } = options;
  requireLoopback(options.url);
  if (!(rate > 0 && connections > 0 && atMost > 0 && atMost <= LONGEST))
    throw new RangeError(`rate and connections are above 0, atMost is up to ${LONGEST} s`);
  const tally = createTally();
  const started = performance.now();
  const stopping = new AbortController();
  const end = setTimeout(() => stopping.abort(), atMost * 1000);
  const step = (1000 * connections) / rate;
  const lanes = Array.from({ length: connections }, (_, index) =>
    runLane(options, index, { first: started + (step * index) / connections, step }, tally, stopping.signal),
  );
  const done = Promise.all(lanes).finally(() => clearTimeout(end));
  return {
    result: () => tally.result(),
    async stop() {
      stopping.abort();
      await done;
      return tally.result();
    },
  };
}

/** One connection, one client: asks when its turn comes, and at once where it is late. */
async function runLane(
  options: LoadOptions,
  index: number,
  { first, step }: { first: number; step: number },
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const connection = openConnection(options);
  const next = options.client?.(index) ?? plainClient(index);
  for (let turn = 0; ; turn++) {
    const due = first + step * turn;
    await sleep(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    await askOnce(connection, next(), due, options, tally);
  }
  connection.close();
}

async function askOnce(
  connection: Connection,
  request: LoadRequest,
  due: number,
  { versionOf }: LoadOptions,
  tally: Tally,
): Promise<void> {
  try {
    const answer = await connection.ask(request);
    tally.answered(performance.now() - due, versionOf?.(answer));
    const fault = request.judge ? request.judge(answer) : isOk(answer);
    if (fault !== null) tally.failed(request.name, fault);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    tally.failed(request.name, code ?? message);
  } finally {
    tally.sent();
  }
}

/** The judgement where a request has none of its own. */
export function isOk({ status }: Answer): string | null {
  return status === 200 ? null : `HTTP ${status}`;
}

/** What everybody may ask without being counted. */
export function plainClient(index: number): LoadClient {
  const requests: readonly LoadRequest[] = [
    { name: 'GET /health', path: '/health' },
    { name: 'GET jwks', path: '/.well-known/jwks.json', judge: (answer) => isOk(answer) ?? hasKeys(answer) },
  ];
  let turn = index;
  return () => requests[turn++ % requests.length] as LoadRequest;
}

function hasKeys({ body }: Answer): string | null {
  return Array.isArray(body.keys) && body.keys.length > 0 ? null : 'no keys';
}

interface Tally {
  sent(): void;
  answered(milliseconds: number, version: string | undefined): void;
  failed(name: string, kind: string): void;
  result(): LoadResult;
}

function createTally(): Tally {
  const started = performance.now();
  const failed: Record<string, number> = {};
  const byVersion: Record<string, number> = {};
  const firstFailures: string[] = [];
  const times: number[] = [];
  let sent = 0;
  return {
    sent: () => void sent++,
    answered(milliseconds, version) {
      times.push(milliseconds);
      if (version !== undefined) byVersion[version] = (byVersion[version] ?? 0) + 1;
    },
    failed(name, kind) {
      const key = `${name}: ${kind}`;
      failed[key] = (failed[key] ?? 0) + 1;
      if (firstFailures.length < 10) firstFailures.push(`${Math.round(performance.now() - started)} ms ${key}`);
    },
    result() {
      const count = Object.values(failed).reduce((sum, one) => sum + one, 0);
      const sorted = times.toSorted((a, b) => a - b);
      const at = (share: number): number => round(sorted[Math.min(sorted.length - 1, sorted.length * share) | 0] ?? 0);
      return {
        sent,
        ok: sent - count,
        failed: { ...failed },
        byVersion: { ...byVersion },
        firstFailures: [...firstFailures],
        seconds: round((performance.now() - started) / 1000),
        p50: at(0.5),
        p99: at(0.99),
        max: at(1),
      };
    },
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function requireLoopback(url: string): void {
  const { protocol, hostname } = new URL(url);
  const isHere = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
  if (!isHere || !['http:', 'https:'].includes(protocol))
    throw new Error(`load goes to this machine only (http or https): ${url} is elsewhere`);
}
