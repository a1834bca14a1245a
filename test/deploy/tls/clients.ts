import https from 'node:https';
import { connect, type PeerCertificate } from 'node:tls';

export interface Clients {
  /** What went wrong, with how often; empty where nothing did. */
  stop(): Promise<{ sent: number; failed: Record<string, number>; connections: number }>;
}

/**
 * Clients that verify the certificate: some keep their connection for good, the others open one for each request. What
 * they trust is asked for anew each time, because a new authority may come while they go on.
 */
export function startClients(url: string, ca: () => string, { keeping = 6, opening = 2 } = {}): Clients {
  const counted = { sent: 0, failed: {} as Record<string, number>, connections: 0 };
  let isOver = false;
  const ask = (agent: https.Agent | undefined): Promise<void> =>
    new Promise((done) => {
      counted.sent++;
      const fail = (reason: string): void => {
        counted.failed[reason] = (counted.failed[reason] ?? 0) + 1;
        done();
      };
      const request = https.get(`${url}/health`, agent ? { agent, ca: ca() } : { agent: false, ca: ca() }, (answer) => {
        answer.resume().once('end', () => (answer.statusCode === 200 ? done() : fail(`status ${answer.statusCode}`)));
        answer.once('error', (error) => fail(error.message));
      });
      request.once('socket', () => {
        if (!request.reusedSocket) counted.connections++;
      });
      request.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    });
  const lane = async (agent: https.Agent | undefined): Promise<void> => {
    while (!isOver) {
      await ask(agent);
      await new Promise((go) => setTimeout(go, 10));
    }
    agent?.destroy();
  };
  const lanes = [
    ...Array.from({ length: keeping }, () => lane(new https.Agent({ keepAlive: true, maxSockets: 1 }))),
    ...Array.from({ length: opening }, () => lane(undefined)),
  ];
  return {
    async stop() {
      isOver = true;
      await Promise.all(lanes);
      return counted;
    },
  };
}

/** What a new connection is shown. */
export function certificateOf(port: number, servername = 'localhost'): Promise<PeerCertificate> {
  return new Promise((done, fail) => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerCertificate();
      socket.destroy();
      done(certificate);
    });
    socket.once('error', fail);
  });
}
