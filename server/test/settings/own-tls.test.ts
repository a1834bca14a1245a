// engines: none
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';
import { type ServerProcess, serviceEnv, spawnServer } from '../processes.ts';
import { scratchFolder, startPostgres, until } from '../programs.ts';
import { type Issued, makeAuthority } from './certificates.ts';

const root = makeAuthority();
const between = root.intermediate('between');
const folder = scratchFolder();
const paths = {
  SSL_KEY_PATH: join(folder, 'tls.key'),
  SSL_CERT_PATH: join(folder, 'tls.crt'),
  SSL_CA_PATH: between.ca,
};
const log = join(folder, 'app.log');
let server: ServerProcess;

function install({ key, cert }: Issued): void {
  copyFileSync(key, paths.SSL_KEY_PATH);
  copyFileSync(cert, paths.SSL_CERT_PATH);
}

before(async () => {
  install(between.issue('first'));
  const postgres = await startPostgres({ fsync: 'off' });
  server = await spawnServer(serviceEnv({ ...paths, DATABASE_URL: postgres.url, LOG_FILE: log, LOG_LEVEL: 'info' }));
  await until(async () => (await ask().catch(() => null))?.status === 200, 20_000, 'https');
});

/** A client that knows the root only. */
function ask(agent?: Agent): Promise<{ status: number; socket: Socket; isReused: boolean }> {
  return new Promise((done, fail) => {
    let socket: Socket;
    const asked = request(
      { host: '127.0.0.1', port: server.port, path: '/.well-known/jwks.json', ca: root.pem, agent },
      (answer) => {
        answer.resume().on('end', () => done({ status: answer.statusCode ?? 0, socket, isReused: asked.reusedSocket }));
      },
    );
    asked.on('socket', (one) => (socket = one));
    asked.on('error', fail).end();
  });
}

function certificate(options: object = {}): Promise<{ peer: PeerCertificate; protocol: string | null }> {
  return new Promise((done, fail) => {
    const socket = connect({ host: '127.0.0.1', port: server.port, ca: root.pem, ...options }, () => {
      done({ peer: socket.getPeerCertificate(), protocol: socket.getProtocol() });
      socket.destroy();
    });
    socket.on('error', fail);
  });
}

test('with SSL_KEY_PATH and SSL_CERT_PATH the server speaks TLS itself, modern versions only, and nothing in plain text', async () => {
  assert.equal((await certificate()).protocol, 'TLSv1.3');
  assert.equal((await certificate({ maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
  await assert.rejects(certificate({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' }));
  await assert.rejects(server.call('GET', '/ready'));
});

test('SSL_CA_PATH completes the chain for clients that know the root only', async () => {
  assert.equal((await ask()).status, 200);
  await assert.rejects(certificate({ ca: makeAuthority('A stranger').pem }), /certificate/);
});

test('SIGHUP takes a new certificate into use and drops no open connection; a broken one changes nothing', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const open = (await ask(agent)).socket;
  const serial = async (): Promise<string> => (await certificate()).peer.serialNumber;
  const first = await serial();
  install(between.issue('second'));
  assert.equal(await serial(), first, 'not before it is told');
  server.signal('SIGHUP');
  await until(async () => (await serial()) !== first, 10_000, 'the new certificate');
  const second = await serial();
  const again = await ask(agent);
  assert.deepEqual([again.status, again.isReused, open.destroyed], [200, true, false]);

  copyFileSync(root.ca, paths.SSL_CERT_PATH); // not this key's
  const told = (): boolean => readFileSync(log, 'utf8').includes('could not be reloaded');
  server.signal('SIGHUP');
  await until(told, 10_000, 'the complaint');
  assert.equal(await serial(), second);
  agent.destroy();
});

test('SIGHUP opens LOG_FILE anew', async () => {
  renameSync(log, `${log}.moved`);
  server.signal('SIGHUP');
  await until(
    async () => {
      await ask();
      try {
        return readFileSync(log, 'utf8').includes('"route":"/.well-known/jwks.json"');
      } catch {
        return false;
      }
    },
    10_000,
    'the new file',
  );
});
