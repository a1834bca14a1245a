import { randomInt } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../../../test/run/free-port.ts';
import { atEnd } from '../programs.ts';

/** A way to PostgreSQL on which answers to COMMIT and to other statements are lost now and then, and their connections with them. */
export interface LossyProxy {
  port: number;
  lost(): { commits: number; others: number };
  /** One answer of how many is lost; 0: none. */
  lose(oneOf: { commits: number; others: number }): void;
}

const COMMIT = Buffer.from('COMMIT\0');

export async function startLossyProxy(target: number): Promise<LossyProxy> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const lost = { commits: 0, others: 0 };
  let oneOf = { commits: 0, others: 0 };
  const server = createServer((client) => {
    const database = connect(target, '127.0.0.1');
    let isLosing = false;
    let isFirst = true;
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        database.destroy();
        sockets.delete(socket);
      });
    }
    client.on('data', (chunk) => {
      // Not the greeting: a connection that cannot be made is another fault.
      const kind = chunk.includes(COMMIT) ? 'commits' : 'others';
      if (!isFirst && chunk.length > 5 && oneOf[kind] > 0 && randomInt(oneOf[kind]) === 0) {
        isLosing = true;
        lost[kind] += 1;
      }
      isFirst = false;
      database.write(chunk);
    });
    database.on('data', (chunk) => {
      if (isLosing) client.destroy();
      else client.write(chunk);
    });
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  atEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port,
    lost: () => lost,
    lose: (share) => {
      oneOf = share;
    },
  };
}
