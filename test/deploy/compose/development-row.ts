import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../run/free-port.ts';
import type { Row } from '../row.ts';
import { stack } from '../stack.ts';

export const developmentRow: Row = {
  name: 'compose.yaml: `docker compose up` in deploy/ is a server for development, and mails can be read',
  timeout: 180,
  async run(t) {
    const project = `${(await stack()).env.COMPOSE_PROJECT_NAME}-development`;
    const port = await freePort();
    const options = {
      cwd: join(t.root, 'deploy'),
      env: { COMPOSE_PROJECT_NAME: project, PORT: `${port}` },
      seconds: 150,
    };
    t.after(() => t.sh('docker compose down -v --timeout 1', options));
    const began = performance.now();
    await t.sh('docker compose up -d --no-build', options);
    const { stdout } = await t.sh(`docker compose port app 3000`, options);
    assert.equal(stdout.trim(), `127.0.0.1:${port}`);
    const url = `http://127.0.0.1:${port}`;
    while ((await fetch(`${url}/ready`).catch(() => null))?.status !== 200) {
      t.signal.throwIfAborted();
      await sleep(300);
    }
    t.figure('ready after, s', ((performance.now() - began) / 1000).toFixed(1));
    const email = 'ada@example.com';
    const registered = await fetch(`${url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: 'a-long-enough-password-7' }),
    });
    assert.ok(registered.ok, await registered.text());
    for (;;) {
      const mails = await (await fetch(`${url}/dev/inbox/messages?to=${email}`)).text();
      if (mails.includes(email)) break;
      t.signal.throwIfAborted();
      await sleep(300);
    }
  },
};
