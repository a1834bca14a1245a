// engines: none
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { faultsOf } from './check.ts';
import { decide, placeOf } from './decide.ts';
import { contextOf, openClient } from './provider.ts';
import { allFlags, type Flag } from './setting.ts';

const flag = (more: Partial<Flag> = {}): Flag => ({
  key: 'shop.checkout',
  type: 'boolean',
  description: '',
  isDeclared: false,
  enabled: true,
  default: false,
  rules: [],
  updatedAt: new Date(0),
  ...more,
});
const [ada, bob] = [randomUUID(), randomUUID()];

test('the first rule that fits decides, then the default, and the reason says which it was', () => {
  const one = flag({
    rules: [
      { users: [bob], value: false },
      { roles: ['beta', 'staff'], value: true },
      { share: 0, value: true },
    ],
  });
  assert.deepEqual(decide(one, { id: bob, roles: ['beta'] }), {
    value: false,
    variant: 'off',
    reason: 'TARGETING_MATCH',
  });
  assert.deepEqual(decide(one, { id: ada, roles: ['staff'] }), {
    value: true,
    variant: 'on',
    reason: 'TARGETING_MATCH',
  });
  assert.deepEqual(decide(one, { id: ada, roles: [] }), { value: false, variant: 'off', reason: 'DEFAULT' });
  assert.equal(decide(flag({ rules: [{ share: 100, value: true }] }), {}).reason, 'SPLIT');
  assert.equal(decide(flag(), {}).reason, 'STATIC');
  assert.equal(decide(flag({ updatedAt: null }), {}).reason, 'DEFAULT');
  assert.deepEqual(decide({ ...one, enabled: false }, { id: ada, roles: ['staff'] }), {
    value: false,
    variant: 'off',
    reason: 'DISABLED',
  });
});

test('a rule of several conditions takes them all', () => {
  const one = flag({ rules: [{ users: [ada], roles: ['beta'], share: 100, value: true }] });
  assert.equal(decide(one, { id: ada, roles: ['beta'] }).value, true);
  assert.equal(decide(one, { id: ada, roles: [] }).value, false);
  assert.equal(decide(one, { id: bob, roles: ['beta'] }).value, false);
});

test('somebody without an account is in shares by what stands for them, in no list of users, and without it in none but the whole', () => {
  const named = flag({ rules: [{ users: [ada], value: true }] });
  assert.equal(decide(named, { key: ada }).value, false);
  const key = Array.from({ length: 100 }, (_, n) => `k${n}`).find(
    (one) => placeOf('shop.checkout', one) < 50,
  ) as string;
  const half = flag({ rules: [{ share: 50, value: true }] });
  assert.equal(decide(half, { key }).value, true);
  assert.equal(decide(flag({ rules: [{ share: 99.9, value: true }] }), {}).value, false);
  assert.equal(decide(flag({ rules: [{ share: 100, value: true }] }), {}).value, true);
});

test('shares are even, keep whom they had when they grow, and differ from flag to flag', () => {
  const people = Array.from({ length: 20_000 }, (_, n) => `person-${n}`);
  const within = (key: string, share: number) =>
    new Set(people.filter((id) => decide(flag({ key, rules: [{ share, value: true }] }), { id }).value));
  let before = new Set<string>();
  for (const share of [0, 1, 5, 12.5, 50, 90, 100]) {
    const now = within('shop.checkout', share);
    // Four standard deviations and a bit.
    const slack = 4.5 * Math.sqrt(people.length * (share / 100) * (1 - share / 100));
    assert.ok(Math.abs(now.size - (people.length * share) / 100) <= slack, `${share} %: ${now.size}`);
    assert.ok(
      [...before].every((id) => now.has(id)),
      `${share} % keeps whom the smaller share had`,
    );
    before = now;
  }
  const [here, there] = [within('shop.checkout', 50), within('shop.search', 50)];
  const both = [...here].filter((id) => there.has(id)).length;
  assert.ok(Math.abs(both - people.length / 4) < 400, `${both} of both halves`);
  const tenths = new Array(10).fill(0);
  for (const id of people) tenths[Math.floor(placeOf('a', id) / 10)]++;
  for (const count of tenths) assert.ok(Math.abs(count - 2_000) < 200, String(tenths));
});

test('where somebody stands does not change from version to version', () => {
  assert.equal(placeOf('registration', '018f0000-0000-7000-8000-000000000001').toFixed(6), '96.298977');
});

test('texts by share stand on one scale: who is below the first share has the first', () => {
  const one = flag({
    type: 'string',
    default: 'old',
    rules: [
      { share: 20, value: 'a' },
      { share: 60, value: 'b' },
    ],
  });
  for (let n = 0; n < 300; n++) {
    const at = placeOf(one.key, `p${n}`);
    const { value, variant } = decide(one, { key: `p${n}` });
    assert.deepEqual([value, variant], at < 20 ? ['a', 'rule-1'] : at < 60 ? ['b', 'rule-2'] : ['old', 'default']);
  }
});

test('OpenFeature asks this server: details, unknown flags, other types', async (t) => {
  const rows = [{ ...flag(), rules: [{ roles: ['beta'], value: true }], updatedAt: new Date(0) }];
  const set = new Map(allFlags(rows).map((one) => [one.key, one]));
  const seen: string[] = [];
  const { client, close } = openClient({ latest: () => set, onEvaluated: (...one) => seen.push(one.join(' ')) });
  t.after(close);
  const details = await client.getBooleanDetails('shop.checkout', false, contextOf({ id: ada, roles: ['beta'] }));
  assert.deepEqual([details.value, details.variant, details.reason], [true, 'on', 'TARGETING_MATCH']);
  assert.equal(await client.getBooleanValue('registration', false), true);
  assert.deepEqual(seen, ['shop.checkout on', 'registration on']);
  for (const [ask, errorCode] of [
    [client.getBooleanDetails('no-such-flag', true), 'FLAG_NOT_FOUND'],
    [client.getStringDetails('registration', 'x'), 'TYPE_MISMATCH'],
    [client.getNumberDetails('registration', 1), 'TYPE_MISMATCH'],
    [client.getObjectDetails('registration', {}), 'TYPE_MISMATCH'],
  ] as const) {
    assert.deepEqual([(await ask).errorCode, (await ask).reason], [errorCode, 'ERROR']);
  }
  assert.equal(seen.length, 2);
});

test('a text that an operator kept under a key which the server declares later does not count', () => {
  const stored = { ...flag({ key: 'registration', default: 'closed' }), updatedAt: new Date(0) };
  const found = allFlags([stored]).find(({ key }) => key === 'registration');
  assert.deepEqual([found?.type, found?.default], ['boolean', true]);
});

test('every fault of every setting is named at once', () => {
  const faults = faultsOf([
    { key: 'Bad Key', default: true },
    { key: 'registration', default: 'no', description: 'mine' },
    { key: 'own' },
    { key: 'own', default: true, rules: [{ value: true }, { share: 101, users: ['x'], roles: [], value: 'text' }] },
    { key: 'text', default: 'a\u0000b' },
  ]);
  assert.deepEqual(
    faults.map(({ field, code }) => `${field} ${code}`),
    [
      'flags.0.key pattern',
      'flags.1.description declared',
      'flags.1.default type',
      'flags.2.default required',
      'flags.3.key duplicate',
      'flags.3.rules.0 no_condition',
      'flags.3.rules.1.users ids',
      'flags.3.rules.1.roles empty',
      'flags.3.rules.1.share range',
      'flags.3.rules.1.value type',
      'flags.4.default text',
    ],
  );
});
