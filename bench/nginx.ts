import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf } from './cost.ts';
import { ask } from './load.ts';

export interface Nginx {
  /** The master and its workers. */
  pids(): number[];
  stop(): Promise<void>;
}

/** A port of nginx's and the servers behind it. */
export interface Front {
  readonly port: number;
  readonly servers: readonly string[];
}

export function hasNginx(): boolean {
  return spawnSync('nginx', ['-v'], { stdio: 'ignore' }).status === 0;
}

/**
 * What deploy/nginx says about the way to the servers, and nothing else of it: its TLS and its shield against floods
 * (100 requests a second of one address) would be what is measured. One worker, since cores are what is short.
 */
function configuration(folder: string, fronts: readonly Front[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const servers = fronts.map(
    ({ port, servers }, index) => `
  upstream pool${index} {
    ${servers.map((url) => `server ${new URL(url).host} max_fails=1 fail_timeout=2s;`).join('\n    ')}
    keepalive 32;
    keepalive_requests 100000;
  }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://pool${index}; }
  }`,
  );
  return `worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 512; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  keepalive_requests 10000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Request-Id $request_id;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
  proxy_buffer_size 16k;
  proxy_buffers 8 16k;${servers.join('')}
}
`;
}

export async function startNginx(scratch: string, fronts: readonly Front[]): Promise<Nginx> {
  const folder = mkdtempSync(join(scratch, 'nginx-'));
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, fronts));
  const child = spawn('nginx', ['-c', file, '-p', folder, '-g', 'daemon off;'], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${fronts[0]?.port}`;
  for (let look = 0; ; look++) {
    const answer = await ask(url, { path: '/ready' }).catch(() => null);
    if (answer?.status === 200) break;
    if (child.exitCode !== null || look === LOOKS) throw new Error(`nginx did not start (exit code ${child.exitCode})`);
    await sleep(20);
  }
  const pid = child.pid as number;
  return {
    pids: () => [pid, ...childrenOf(pid)],
    async stop() {
      const over = once(child, 'exit');
      child.kill('SIGTERM');
      await over;
    },
  };
}

const LOOKS = 500;
