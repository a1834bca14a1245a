import { isIP } from 'node:net';
import type { RedisClient as Client } from '@redis/client';
import type { RedisSettings } from '../../config/config.ts';
import type { Logger } from '../log.ts';

type None = Record<string, never>;
/**
 * The client without methods for Redis's five hundred commands: making those takes 40 ms and 20 MB of a start. The six
 * that are used here are sent as words.
 */
export type RedisClient = Client<None, None, None, 2, None>;

/**
 * One connection that is kept up for ever. The client's own reconnection serves a connection that breaks; one that hangs
 * (a stopped server, a black hole) shows no error, so it is probed, and replaced when it has been silent for too long.
 */
export interface Connection {
  /** The client if it can take a command now. */
  ready(): RedisClient | null;
  /** Something was answered: the connection lives. */
  alive(): void;
  close(): void;
}

interface Options {
  settings: RedisSettings;
  role: 'commands' | 'messages';
  log: Pick<Logger, 'warn' | 'info'>;
  onReady(client: RedisClient): void;
  onLost(): void;
}

const SILENCE_MS = 5000;
const CHECK_MS = 1000;
const COMPLAIN_EVERY_MS = 60_000;

export function keepConnected({ settings, role, log, onReady, onLost }: Options): Connection {
  let client: RedisClient | undefined;
  let heardAt = performance.now();
  let isClosed = false;
  const complain = complainer(settings, role, log);

  const open = async () => {
    heardAt = performance.now();
    // Loaded with the first connection: a start without Redis does not pay for it. `redis` is this and four packages of
    // commands that nobody here uses. By its default export: a bundle gives a CommonJS package no other.
    const { default: redis } = await import('@redis/client');
    if (isClosed) return;
    const opened: RedisClient = new redis.RedisClient({ ...clientOptions(settings) });
    client = opened;
    opened.on('error', (error: unknown) => {
      if (opened !== client || isClosed) return;
      // A connection that complains does not hang; the client is at it.
      heardAt = performance.now();
      complain(error);
      onLost();
    });
    opened.on('ready', () => {
      if (opened !== client || isClosed) return;
      heardAt = performance.now();
      onReady(opened);
    });
    // It rejects only when it is closed on purpose.
    opened.connect().catch(() => undefined);
  };
  const drop = (old: RedisClient | undefined) => {
    try {
      old?.destroy();
    } catch {
      // It was closed already.
    }
  };
  const check = setInterval(() => {
    if (performance.now() - heardAt > SILENCE_MS + jitter(1000)) {
      const old = client;
      complain(new Error('Redis does not answer'));
      onLost();
      void open();
      drop(old);
    }
  }, CHECK_MS);
  check.unref();
  void open();

  return {
    ready: () => (!isClosed && client?.isReady ? client : null),
    alive() {
      heardAt = performance.now();
    },
    close() {
      isClosed = true;
      clearInterval(check);
      drop(client);
    },
  };
}

function clientOptions(settings: RedisSettings) {
  const { host, port, database, username, password, tls, ca } = settings;
  const socket = { host, port, connectTimeout: 2000, reconnectStrategy: backoff, keepAliveInitialDelay: 5000 };
  return {
    // RESP 2 greets with nothing but AUTH, which every server and proxy understands.
    RESP: 2 as const,
    // An address cannot be a server name (RFC 6066, section 3); the certificate is checked against it all the same.
    socket: tls
      ? {
          ...socket,
          tls: true as const,
          ...(isIP(host) ? {} : { servername: host }),
          ...(ca === undefined ? {} : { ca }),
        }
      : socket,
    database,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    disableClientInfo: true,
    maintNotifications: 'disabled' as const,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

/** 50 ms, doubling to at most 2 s, of which up to half is chance: many processes do not knock at the same moment. */
function backoff(retries: number): number {
  const most = Math.min(2000, 50 * 2 ** Math.min(retries, 10));
  return most / 2 + jitter(most / 2);
}

function jitter(upTo: number): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % Math.max(1, Math.floor(upTo));
}

/** Says what is wrong once, and again only when it is something else or has lasted a while. */
function complainer(settings: RedisSettings, role: string, log: Pick<Logger, 'warn'>): (error: unknown) => void {
  const said = new Map<string, number>();
  return (error) => {
    const { message = '', code } = error as { message?: string; code?: string };
    const what = /^(WRONGPASS|NOAUTH|NOPERM|ERR)\b/.exec(message)?.[1] ?? code ?? message;
    const now = performance.now();
    if (now - (said.get(what) ?? Number.NEGATIVE_INFINITY) < COMPLAIN_EVERY_MS) return;
    if (said.size > 20) said.clear();
    said.set(what, now);
    const isRefused = /WRONGPASS|NOAUTH|NOPERM|invalid password|without any password/.test(message);
    log.warn(
      { host: settings.host, port: settings.port, role, err: error },
      isRefused
        ? 'Redis refuses the credentials: check REDIS_PASSWORD and REDIS_URL'
        : 'Redis cannot be reached; going on without it',
    );
  };
}
