import type { RedisSettings } from '../../config/config.ts';
import type { Logger } from '../log.ts';
import { type Connection, keepConnected, type RedisClient } from './connection.ts';
import { deliver } from './memory.ts';

interface Channel {
  handlers: Set<(message: string) => void>;
  gaps: Set<() => void>;
  /** One and the same function for all connections, so that the client never listens twice. */
  listener(message: string): void;
}

export interface Messages {
  subscribe(channel: string, handler: (message: string) => void, onGap?: () => void): Promise<() => Promise<void>>;
  close(): void;
}

const PROBE_MS = 2000;

/** Subscriptions on a connection of their own, taken up again after every reconnection. */
export function redisMessages(settings: RedisSettings, log: Logger): Messages {
  const channels = new Map<string, Channel>();
  let wasConnected = false;
  const listen = async (client: RedisClient, name: string, channel: Channel) => {
    await client
      .subscribe(name, channel.listener)
      .catch((error) => log.warn({ err: error }, 'a Redis channel cannot be subscribed'));
  };
  const connection: Connection = keepConnected({
    settings,
    log,
    role: 'messages',
    onLost: () => undefined,
    onReady: (client) => {
      const isAgain = wasConnected;
      wasConnected = true;
      for (const [name, channel] of channels) {
        void listen(client, name, channel).then(() => {
          if (isAgain) for (const gap of channel.gaps) deliver([gap], '', log);
        });
      }
    },
  });
  const probe = setInterval(
    () =>
      void connection
        .ready()
        ?.sendCommand(['PING'])
        .then(connection.alive, () => undefined),
    PROBE_MS,
  );
  probe.unref();

  const subscribe: Messages['subscribe'] = async (name, handler, onGap) => {
    let channel = channels.get(name);
    if (channel === undefined) {
      const handlers = new Set<(message: string) => void>();
      channel = { handlers, gaps: new Set(), listener: (message) => deliver(handlers, message, log) };
      channels.set(name, channel);
      const client = connection.ready();
      if (client !== null) await Promise.race([listen(client, name, channel), pause(100)]);
    }
    const own = channel;
    own.handlers.add(handler);
    if (onGap !== undefined) own.gaps.add(onGap);
    return async () => {
      own.handlers.delete(handler);
      if (onGap !== undefined) own.gaps.delete(onGap);
    };
  };
  const close = () => {
    clearInterval(probe);
    connection.close();
  };
  return { subscribe, close };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
