import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { freePort } from '../../run/free-port.ts';
import { until } from '../local-server.ts';
import type { RowContext } from '../row.ts';

export interface Acme {
  /** The directory that certbot is given, and what makes it believe the certificate of it. */
  readonly directory: string;
  readonly env: Record<string, string>;
  readonly webroot: string;
}

/** Pebble, the ACME server that Let's Encrypt tests clients with, and a name server that knows every name as this machine. */
export async function startAcme(t: RowContext): Promise<Acme> {
  const [directory, management, web, tls, dns, control] = await Promise.all(Array.from({ length: 6 }, freePort));
  const webroot = join(t.scratch, 'webroot');
  await t.sh(
    `tls/own-ca.sh init --ca ${t.scratch}/acme-ca
    tls/own-ca.sh issue --ca ${t.scratch}/acme-ca --out ${t.scratch}/acme-tls --name localhost --name 127.0.0.1`,
    {
      cwd: t.deploy,
    },
  );
  const config = {
    listenAddress: `127.0.0.1:${directory}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: join(t.scratch, 'acme-tls/certificate.crt'),
    privateKey: join(t.scratch, 'acme-tls/private.key'),
    httpPort: web,
    tlsPort: tls,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  };
  await writeFile(join(t.scratch, 'pebble.json'), JSON.stringify({ pebble: config }));
  serveFolder(t, webroot, web as number);
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', ''];
  start(t, 'pebble-challtestsrv', [
    ...off.slice(0, 6),
    ...[
      '-dns01',
      `127.0.0.1:${dns}`,
      '-management',
      `127.0.0.1:${control}`,
      '-defaultIPv4',
      '127.0.0.1',
      '-defaultIPv6',
      '',
    ],
  ]);
  start(t, 'pebble', ['-config', join(t.scratch, 'pebble.json'), '-dnsserver', `127.0.0.1:${dns}`]);
  const env = { REQUESTS_CA_BUNDLE: join(t.scratch, 'acme-tls/ca.crt') };
  const url = `https://localhost:${directory}/dir`;
  const ask = `curl -fsS -o /dev/null --cacert ${env.REQUESTS_CA_BUNDLE} ${url}`;
  await until(async () => (await t.sh(ask, { ok: false })).status === 0, 'the ACME server', 15);
  return { directory: url, env, webroot };
}

function start(t: RowContext, program: string, words: readonly string[]): void {
  // No random refusals and no waiting: it is the scripts that are looked at, not the patience of certbot.
  const env = { PATH: process.env.PATH, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' };
  const child = spawn(program, words, { env, stdio: 'ignore' });
  child.once('error', () => undefined);
  t.after(() => child.kill('SIGKILL'));
}

/** The reverse proxy's part: the folder under port 80. */
function serveFolder(t: RowContext, folder: string, port: number): void {
  const server = createServer((request, response) => {
    const path = normalize(join(folder, new URL(request.url ?? '/', 'http://x').pathname));
    if (!path.startsWith(folder)) return response.writeHead(403).end();
    createReadStream(path)
      .once('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  server.listen(port, '127.0.0.1');
  t.after(() => server.close());
}
