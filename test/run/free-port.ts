import { createServer } from 'node:net';

const LOWEST = 10_000;
const HIGHEST = 30_000;

const given = new Set<number>();

/**
 * A port of the loopback address that nobody listens on, and that was not given before: two that are asked for one
 * after the other differ. It lies below those that Linux takes for connections, or one of them would sometimes be there.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
