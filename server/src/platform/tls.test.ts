import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { loadTls, watchTlsReload } from './tls.ts';

const folder = mkdtempSync(join(tmpdir(), 'auth-api-tls-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

function makeCertificate(name: string): void {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '30',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.crt`),
    ],
    { stdio: 'ignore' },
  );
}
makeCertificate('one');
makeCertificate('two');

const paths = { keyPath: at('server.key'), certPath: at('server.crt') };

function use(name: string): void {
  copyFileSync(at(`${name}.key`), paths.keyPath);
  copyFileSync(at(`${name}.crt`), paths.certPath);
}

async function started() {
  use('one');
  const server = createServer(loadTls(paths), (_request, response) => void response.end('hello')).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const dial = async (options: ConnectionOptions = {}): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
    after(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  };
  const errors: Record<string, unknown>[] = [];
  const log = { info: () => undefined, error: (fields: Record<string, unknown>) => void errors.push(fields) };
  return { server, dial, errors, log };
}

const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;

test('F-67: a new certificate serves new connections, and open ones go on', async () => {
  const { server, dial, log } = await started();
  const reload = watchTlsReload(server, paths, log as never).reload;
  const old = await dial();
  assert.equal(nameOf(old), 'one');
  use('two');
  assert.equal(reload(), 'reloaded');
  assert.equal(nameOf(await dial()), 'two');
  old.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const [answer] = await once(old, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 200/);
});

test('F-82: a broken, foreign, absent or expired new file keeps the old certificate and is logged', async () => {
  const { server, dial, log, errors } = await started();
  const now = () => Date.now() + 31 * 86_400_000;
  const breakages: [string, () => void, { now(): number }?][] = [
    ['half a certificate', () => writeFileSync(paths.certPath, '-----BEGIN CERTIFICATE-----\nMIIB')],
    ['empty key', () => writeFileSync(paths.keyPath, '')],
    ['key of another', () => copyFileSync(at('two.key'), paths.keyPath)],
    ['absent', () => rmSync(paths.keyPath)],
    ['expired', () => undefined, { now }],
  ];
  for (const [what, damage, clock] of breakages) {
    use('one');
    damage();
    assert.equal(watchTlsReload(server, paths, log as never, clock).reload(), 'kept', what);
    assert.equal(nameOf(await dial()), 'one', what);
  }
  assert.equal(errors.length, breakages.length);
  assert.doesNotMatch(JSON.stringify(errors.map(({ err }) => String(err))), /BEGIN|MII/);
});

test('TLS 1.2 and 1.3 are spoken, older versions are not', async () => {
  const { dial } = await started();
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    assert.equal((await dial({ minVersion: version, maxVersion: version })).getProtocol(), version);
  }
  await assert.rejects(dial({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }));
});

test('files that cannot serve stop the start with the path and the reason', () => {
  use('one');
  copyFileSync(at('two.key'), paths.keyPath);
  assert.throws(() => loadTls(paths), /server\.key is not the key of the certificate in .*server\.crt/);
  assert.throws(
    () => loadTls({ ...paths, certPath: at('none.crt') }),
    /none\.crt cannot be read as the certificate \(ENOENT\)/,
  );
  use('one');
  assert.throws(() => loadTls({ ...paths, caPath: at('none.ca') }), /none\.ca cannot be read/);
});
