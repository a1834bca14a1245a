// engines: none
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const choose = await import('../../runtime/choose-node.mjs' as string);
const { withInstallLock } = await import('../../runtime/install-lock.mjs' as string);

const root = mkdtempSync(join(tmpdir(), 'auth-api-start-test-'));
const lock = join(root, 'runtime', '.installing');
mkdirSync(join(root, 'runtime'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Runs start.mjs; `seen` gets what it has printed so far. */
function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['start.mjs', ...args], {
    env: { ...process.env, npm_execpath: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const ended = new Promise<{ code: number | null; text: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, text }));
  });
  return { child, ended };
}

test('Node 24.11 is the oldest that is taken', () => {
  for (const version of ['24.11.0', '24.21.3', 'v25.0.0', '26.1.0'])
    assert.equal(choose.isNewEnough(version), true, version);
  for (const version of ['18.19.0', '20.20.2', '24.10.9', 'v22.99.0'])
    assert.equal(choose.isNewEnough(version), false, version);
});

test('an unknown verb is told which there are', async () => {
  for (const args of [[], ['strat'], ['constructor']]) {
    const { code, text } = await start(args).ended;
    assert.equal(code, 64);
    assert.match(text, /serve\|dev\|build\|test\|test:deploy\|check/);
  }
});

test('two installations in one folder follow each other', async () => {
  const order: string[] = [];
  const install = (name: string) =>
    withInstallLock(root, async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 150));
      order.push(`${name} ends`);
    });
  await Promise.all([install('first'), install('second')]);
  assert.deepEqual(order, ['first begins', 'first ends', 'second begins', 'second ends']);
  assert.equal(existsSync(lock), false);
});

test('the lock of a killed installation is taken over at once', async () => {
  const { child, ended } = start(['nothing']);
  await ended;
  writeFileSync(lock, String(child.pid));
  assert.equal(await withInstallLock(root, async () => readFileSync(lock, 'utf8')), String(process.pid));
});

test('a fault in an installation frees the lock', async () => {
  await assert.rejects(
    withInstallLock(root, async () => {
      throw new Error('no network');
    }),
    /no network/,
  );
  assert.equal(existsSync(lock), false);
});
