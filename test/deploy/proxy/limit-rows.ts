import assert from 'node:assert/strict';
import type { Row } from '../row.ts';
import { type Stack, stack } from '../stack.ts';
import { type Answer, ask } from './ask.ts';
import { fromAddress } from './client.ts';
import { expectProblem } from './edge-rows.ts';
import type { ReverseProxy } from './reverse-proxy.ts';

const LOGIN = '/api/v1/auth/login';

export function limitRows(proxy: ReverseProxy): Row[] {
  return [
    {
      name: `${proxy.name}: signing in and registering are limited to 5 a minute for an address, nothing else is`,
      async run(t) {
        const at = await stack();
        await proxy.start(at);
        for (let n = 0; n < 6; n++)
          assert.equal((await ask(at, LOGIN, { method: 'OPTIONS' })).status, 204, 'not counted');
        const answers: Answer[] = [];
        // However it is spelled.
        for (const path of [LOGIN, '/api/v1/auth/%6Cogin', LOGIN, '/api/v1/auth/register', LOGIN, LOGIN, LOGIN])
          answers.push(await attempt(at, path));
        const allowed = answers.findIndex(({ status }) => status === 429);
        t.figure('allowed at once', allowed);
        assert.ok(allowed >= 3 && allowed <= 5, answers.map(({ status }) => status).join());
        assert.ok(answers.slice(0, allowed).every(({ status }) => status === 400));
        for (const answer of answers.slice(allowed)) {
          expectProblem(answer, 429, 'rate_limited');
          const wait = Number(answer.headers['retry-after']?.[0]);
          assert.ok(wait >= 1 && wait <= 60, `Retry-After: ${answer.headers['retry-after']}`);
        }
        assert.equal((await ask(at, '/health')).status, 200);
        assert.equal((await ask(at, '/api/v1/me')).status, 401);
        const elsewhere = at.env.PROXY_ADDRESS?.replace(/\d+$/, '78') ?? '';
        const headers = { 'content-type': 'application/json', 'content-length': '2' };
        const others = await fromAddress(t, at, elsewhere, [{ method: 'POST', path: LOGIN, headers, body: '{}' }]);
        assert.deepEqual(others, [400], 'another address');
      },
    },
  ];
}

const attempt = (at: Stack, path: string): Promise<Answer> =>
  ask(at, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
