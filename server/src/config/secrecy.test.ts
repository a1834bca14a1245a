import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSecret } from '../platform/secrets/resolve.ts';
import { loadConfig } from './load.ts';
import { ConfigError } from './report.ts';
import type { AnySetting } from './setting.ts';
import { table } from './table.ts';
import { faultsOf, load, makeDirectory, NOW, put, secret } from './test-kit.ts';

/**
 * Whatever is wrong with a secret, its value must stay out of what is printed. Each secret setting gets a value that
 * carries the canary, in every form that makes some fault or warning, in production and outside it.
 */
const CANARY = 'C4naryBird';
const FORMS = [
  CANARY,
  `your-${CANARY}`,
  `${CANARY},,${CANARY}`,
  `${CANARY}\u0000`,
  `ssm://${CANARY}/key`,
  `vault://${CANARY}#${CANARY}`,
  `aws-sm://${CANARY}#${CANARY}`,
  `azure-kv://${CANARY}`,
  `gcp-sm://${CANARY}`,
  `postgres://user:${CANARY}@db/name?sslmode=${CANARY}`,
  `postgres://user:${CANARY}@[db/name`,
  `redis://:${CANARY}@cache/${CANARY}`,
  `https://${CANARY}@example.org`,
];
const secrets = Object.entries<AnySetting>(table).flatMap(([name, entry]) => (entry.isSecret ? [name] : []));

async function everythingSaid(env: Record<string, string>, cwd: string): Promise<string> {
  const said: string[] = [];
  const log = (text: string): void => void said.push(text);
  try {
    const { warnings } = await loadConfig({
      env,
      cwd,
      clock: { now: () => NOW },
      resolveSecret,
      log,
      referenceLimit: 2000,
    });
    said.push(...warnings);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    said.push(error.message, String(error.stack), JSON.stringify(error.faults));
  }
  return said.join('\n');
}

for (const NODE_ENV of ['production', 'development']) {
  test(`no secret is printed, whatever is wrong with it (${NODE_ENV})`, async () => {
    const cwd = makeDirectory();
    for (const form of FORMS) {
      for (const name of secrets) {
        const said = await everythingSaid({ NODE_ENV, [name]: form }, cwd);
        assert.ok(!said.includes(CANARY), `${name}=${JSON.stringify(form)}: ${said}`);
      }
      const all = await everythingSaid(
        { NODE_ENV, JWT_ALG: 'HS256', ...Object.fromEntries(secrets.map((name) => [name, form])) },
        cwd,
      );
      assert.ok(!all.includes(CANARY), `${JSON.stringify(form)}: ${all}`);
    }
  });
}

test('no secret is printed when it comes from a file or from .env', async () => {
  const cwd = makeDirectory();
  put(cwd, 'secret', `${CANARY}\n${CANARY}`);
  put(cwd, '.env', `SESSION_SECRET="${CANARY}\nCSRF_SECRET=${CANARY}\nENCRYPTION_KEY=${CANARY}\n`);
  const fromFile = await everythingSaid(
    { NODE_ENV: 'production', ...Object.fromEntries(secrets.map((name) => [`${name}_FILE`, 'secret'])) },
    cwd,
  );
  assert.ok(!fromFile.includes(CANARY), fromFile);
  assert.ok(!(await everythingSaid({}, cwd)).includes(CANARY));
});

test('a URL with a password in the wrong place is not shown either', async () => {
  const faults = await faultsOf({
    DB_HOST: `postgres://u:${CANARY}@db/d`,
    PUBLIC_URL: `https://u:${CANARY}@a.example.org`,
    CORS_ORIGIN: `https://u:${CANARY}@a`,
  });
  assert.equal(
    faults.filter((fault) => fault.problem.includes('a URL with a user or a password')).length,
    3,
    JSON.stringify(faults),
  );
  assert.ok(!JSON.stringify(faults).includes(CANARY));
});

test('a reference is resolved before its secret is judged, in lists item by item', async () => {
  const [first, second] = [secret(), secret()];
  const asked: string[] = [];
  const resolve = async (reference: string): Promise<string> => {
    asked.push(reference);
    return reference === 'vault://kv/a#one' ? `${first}\n` : second;
  };
  const { config } = await load({ SESSION_SECRET: 'vault://kv/a#one, aws-sm://two' }, { resolveSecret: resolve });
  assert.deepEqual(config.SESSION_SECRET, [first, second]);
  assert.deepEqual(asked, ['vault://kv/a#one', 'aws-sm://two']);
  const weak = await faultsOf(
    { NODE_ENV: 'production', SESSION_SECRET: 'vault://kv/a#one' },
    { resolveSecret: async () => 'changeme' },
  );
  assert.match(weak.find((fault) => fault.name === 'SESSION_SECRET')?.problem ?? '', /placeholder/);
});

test('a store that does not answer is a fault of each setting that needs it, beside the others, and not for long', async () => {
  const started = performance.now();
  const env = { PORT: 'x', DATABASE_URL: 'vault://kv/db#url', SESSION_SECRET: 'gcp-sm://projects/p/secrets/s' };
  const faults = await faultsOf(env, { resolveSecret: () => new Promise<string>(() => {}), referenceLimit: 100 });
  assert.ok(performance.now() - started < 1000);
  assert.deepEqual(
    faults.map(({ name, problem }) => `${name} ${problem}`),
    [
      'PORT is "x", which is not a whole number',
      'DATABASE_URL is a vault:// reference that cannot be resolved: no answer within 0.1 s',
      'SESSION_SECRET is a gcp-sm:// reference that cannot be resolved: no answer within 0.1 s',
    ],
  );
});

test('what the stores are reached with cannot itself be a reference, and an unknown kind is a fault', async () => {
  const asked: string[] = [];
  const resolve = async (reference: string): Promise<string> => `${asked.push(reference)}`;
  await load({ VAULT_TOKEN: 'vault://a/b#c' }, { resolveSecret: resolve });
  assert.deepEqual(asked, []);
  const [fault] = await faultsOf({ CSRF_SECRET: 'ssm://parameter/of/some/length/that/would/do/as/a/secret' });
  assert.match(`${fault?.name} ${fault?.problem}`, /CSRF_SECRET looks like a reference of an unknown kind/);
});
