/** The part of Vault's HTTP interface that the key-value store, version 2, is read through; nothing else of Vault. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RowContext } from '../row.ts';

export interface VaultStub {
  readonly url: string;
  readonly token: string;
  /** By `mount/path`. */
  readonly secrets: Map<string, Record<string, string>>;
  /** Answers nothing from now on. */
  fallSilent(): void;
  close(): Promise<void>;
  readonly asked: string[];
}

export async function startVault(t: RowContext): Promise<VaultStub> {
  const token = 'hvs.only-for-this-test';
  const secrets = new Map<string, Record<string, string>>();
  const asked: string[] = [];
  let isSilent = false;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (isSilent) return;
    const say = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.headers['x-vault-token'] !== token) return say(403, { errors: ['permission denied'] });
    const [, mount = '', path = ''] = /^\/v1\/([^/]+)\/data\/(.+)$/.exec(decodeURIComponent(request.url ?? '')) ?? [];
    const data = secrets.get(`${mount}/${path}`);
    if (!data || request.method !== 'GET') return say(404, { errors: [] });
    say(200, { data: { data, metadata: { version: 1, destroyed: false } } });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  t.after(() => (server.listening ? close() : undefined));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    secrets,
    asked,
    fallSilent: () => {
      isSilent = true;
    },
    close,
  };
}
