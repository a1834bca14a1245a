import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, getCiphers } from 'node:tls';
import type { Row } from '../row.ts';
import { type Stack, stack } from '../stack.ts';
import { ask } from './ask.ts';
import type { ReverseProxy } from './reverse-proxy.ts';

/** Ciphers of TLS 1.2 that keep what was said secret even when the key is lost later, and that are authenticated. */
const GOOD = /^(ECDHE|TLS_).*(GCM|CHACHA20|POLY1305)/;

export function tlsRows(proxy: ReverseProxy): Row[] {
  return [
    {
      name: `${proxy.name}: TLS 1.2 and 1.3 only, ciphers with forward secrecy only, HTTP/2 offered`,
      async run(t) {
        const at = await stack();
        for (const version of ['TLSv1', 'TLSv1.1'] as const)
          await assert.rejects(
            shake(at, { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }),
            /alert|unsupported protocol|ECONNRESET/i,
            version,
          );
        for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
          assert.equal((await shake(at, { minVersion: version, maxVersion: version })).protocol, version);
        const accepted: string[] = [];
        for (const cipher of getCiphers().map((name) => name.toUpperCase())) {
          if (cipher.startsWith('TLS_')) continue;
          const one = { maxVersion: 'TLSv1.2', ciphers: `${cipher}:@SECLEVEL=0` } as const;
          await shake(at, one).then(
            () => accepted.push(cipher),
            () => undefined,
          );
        }
        assert.ok(accepted.length > 0);
        for (const cipher of accepted) assert.match(cipher, GOOD);
        assert.equal((await shake(at, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'h2');
        t.figure('ciphers of TLS 1.2', accepted.length);
      },
    },
    {
      name: `${proxy.name}: a name that is not ours gets nothing`,
      async run(t) {
        const at = await stack();
        const host = { host: 'evil.test' };
        assert.equal(
          (await ask(at, '/health', { headers: host })).status,
          421,
          'our handshake, another name in the request',
        );
        const stranger = () =>
          shake(at, { servername: 'evil.test', checkServerIdentity: () => undefined }, GET('evil.test'));
        assert.match((await stranger()).answer, /^HTTP\/1\.1 421 /);
        if (!proxy.refusesHandshake) return;
        // As prepare.sh writes it for a real name.
        const file = join(at.folder, 'nginx/live/strangers.conf');
        const kept = readFileSync(file);
        const reload = async (text: string | Buffer) => {
          writeFileSync(file, text);
          await at.compose('exec -T nginx nginx -t -q');
          await at.compose('exec -T nginx nginx -s reload');
          await t.sh('sleep 1');
        };
        t.after(() => reload(kept));
        await reload('ssl_reject_handshake on;\n');
        await assert.rejects(stranger(), /unrecognized name|alert/i);
        assert.equal((await ask(at, '/health')).status, 200);
      },
    },
  ];
}

const GET = (host: string): string => `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

interface Shaken {
  readonly protocol: string | null;
  readonly alpn: string | false | null;
  readonly answer: string;
}

function shake(at: Stack, options: ConnectionOptions, sent = ''): Promise<Shaken> {
  return new Promise((done, fail) => {
    const ca = readFileSync(at.ca);
    const socket = connect({
      host: '127.0.0.1',
      port: at.httpsPort,
      servername: 'localhost',
      ca,
      timeout: 10_000,
      ...options,
    });
    let answer = '';
    const end = (): void => {
      done({ protocol: socket.getProtocol(), alpn: socket.alpnProtocol, answer });
      socket.destroy();
    };
    socket.setEncoding('utf8');
    socket.once('error', fail).once('timeout', () => socket.destroy(new Error('no handshake within 10 s')));
    socket.once('secureConnect', () => {
      if (sent === '') end();
      else socket.write(sent);
    });
    socket.on('data', (part) => {
      answer += part;
    });
    socket.once('end', end);
  });
}
