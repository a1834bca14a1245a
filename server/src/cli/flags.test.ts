// engines: embedded
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PASSWORD, place, post } from './test-kit.ts';

const here = await place();
const server = await here.serve();
const api = `${server.url}/api/v1`;

async function flagsOf(email: string): Promise<Record<string, unknown>> {
  const login = await post(`${api}/auth/login`, { email, password: PASSWORD });
  const headers = { authorization: `Bearer ${login.body.access_token}` };
  const answer = await fetch(`${api}/me/flags`, { headers });
  return ((await answer.json()) as { flags: Record<string, unknown> }).flags;
}

test('a flag that is set on the command line counts in the running server within a second, and is audited', async () => {
  for (const name of ['ada', 'bob'])
    await here.json(['users', 'create', `--email=${name}@example.com`, '--password-stdin'], { input: PASSWORD });
  const set = await here.json([
    'flags',
    'set',
    'shop.checkout',
    'true',
    '--users=ada@example.com',
    '--share=0',
    '--description=The new checkout',
  ]);
  assert.deepEqual([set.type, set.default, set.description], ['boolean', false, 'The new checkout']);
  await sleep(1_000);
  assert.equal((await flagsOf('ada@example.com'))['shop.checkout'], true);
  assert.equal((await flagsOf('bob@example.com'))['shop.checkout'], false);

  await here.run(['flags', 'set', 'registration', 'false']);
  await sleep(1_000);
  const closed = await post(`${api}/auth/register`, { email: 'eve@example.com', password: PASSWORD });
  assert.deepEqual([closed.status, closed.body.code], [403, 'registration_closed']);
  const { stdout } = await here.run(['flags', 'list']);
  assert.match(stdout, /^registration +false +People may register/m);
  assert.match(stdout, /^shop\.checkout +false +1 user: true, 0 %: true +The new checkout$/m);

  assert.equal((await here.run(['flags', 'unset', 'registration'])).code, 0);
  await sleep(1_000);
  assert.equal((await flagsOf('ada@example.com')).registration, true);
  const { data } = await here.json(['audit', 'search', '--action=flags.updated']);
  assert.deepEqual(
    data.map(({ detail }: { detail: { flag: string; command: string } }) => [detail.flag, detail.command]),
    [
      ['registration', 'flags unset'],
      ['registration', 'flags set'],
      ['shop.checkout', 'flags set'],
    ],
  );
});

test('a share grows with the description kept, a text needs a default, and it stays a text', async () => {
  const grown = await here.json(['flags', 'set', 'shop.checkout', 'true', '--share=25']);
  assert.deepEqual([grown.description, grown.rules], ['The new checkout', [{ share: 25, value: true }]]);
  const bare = await here.run(['flags', 'set', 'shop.theme', 'dark', '--share=5']);
  assert.equal(bare.code, 64);
  assert.match(bare.stderr, /--default/);
  await here.json(['flags', 'set', 'shop.theme', 'dark', '--share=5', '--default=light']);
  const kept = await here.json(['flags', 'set', 'shop.theme', 'true', '--share=5', '--paused']);
  assert.deepEqual([kept.default, kept.rules, kept.enabled], ['light', [{ share: 5, value: 'true' }], false]);
});

test('what cannot be is refused with every fault, and changes nothing', async () => {
  const before = await here.json(['flags', 'list']);
  for (const [words, code, message] of [
    [['set', 'registration', 'perhaps'], 64, /default is true or false/],
    [['set', 'Shop', 'true', '--share=101'], 64, /key is a lower-case letter.*rules\.0\.share is a percentage/],
    [['set', 'shop', 'true', '--share=many'], 64, /--share takes a percentage/],
    [['set', 'shop', 'true', '--roles=nobody-has-it'], 64, /names a role that does not exist/],
    [['set', 'shop', 'true', '--users=nobody@example.com'], 1, /There is no account/],
    [['unset', 'no-such-flag'], 1, /No flag "no-such-flag" is set/],
  ] as const) {
    const { code: found, stderr } = await here.run(['flags', ...words]);
    assert.equal(found, code, `${words}: ${stderr}`);
    assert.match(stderr, message);
  }
  assert.deepEqual(await here.json(['flags', 'list']), before);
});
