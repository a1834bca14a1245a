import { Server } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

const FIRST_REQUEST_MS = 50;

/**
 * Closes the door and leaves who is inside: Node's own `close` also cuts connections that it has just accepted and whose
 * first request is still on the way. The turn before takes in what the kernel had queued.
 */
export async function stopListening(server: Server): Promise<void> {
  await nextTurn();
  await nextTurn();
  if (!server.listening) return;
  Server.prototype.close.call(server);
  await sleep(FIRST_REQUEST_MS);
}
