import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Done, Row, RowContext } from '../row.ts';
import { type Stack, stack } from '../stack.ts';

/** What is wrong, how it is brought about, and what must be said. The stack goes on serving all the while. */
export const badInputRows: Row[] = [
  {
    name: 'a missing secret file is named, before anything starts',
    async run(t) {
      const at = await stack();
      const moved = `mv secrets/db_app_password.txt secrets/kept`;
      t.after(() => t.sh('mv secrets/kept secrets/db_app_password.txt', { cwd: at.folder }));
      await t.sh(moved, { cwd: at.folder });
      const check = await t.sh('./make-secrets.sh --check', { cwd: at.folder, ok: false });
      assert.equal(check.status, 78);
      assert.match(check.stderr, /db_app_password\.txt is missing.*run \.\/make-secrets\.sh/);
      const started = await at.compose('run --rm --no-deps -T app doctor', { ok: false });
      assert.notEqual(started.status, 0);
      assert.match(started.stderr, /db_app_password/);
    },
  },
  {
    name: 'a wrong password, a database that is not there and one that does not answer: each is said, and ends the server',
    async run(t) {
      const at = await stack();
      writeFileSync(join(at.folder, 'secrets/wrong.txt'), 'not-the-password-0123456789abcdef\n', { mode: 0o444 });
      const wrong = override(t, at, 'secrets: { db_app_password: { file: ./secrets/wrong.txt } }');
      const said: [string, Promise<Done>, RegExp][] = [
        ['wrong password', at.compose(`${wrong} run --rm --no-deps -T app`, { ok: false }), /password|authenticat/i],
        [
          'no such host',
          at.compose('run --rm --no-deps -T -e DB_HOST=nowhere.invalid app', { ok: false }),
          /nowhere\.invalid/,
        ],
        [
          'refused',
          at.compose('run --rm --no-deps -T -e DB_PORT=5999 app', { ok: false }),
          /Nothing answers at .*:5999|does not answer/,
        ],
      ];
      for (const [what, ran, message] of said) {
        const { status, stdout, stderr } = await ran;
        assert.equal(status, 69, `${what}: ${stdout}${stderr}`);
        assert.ok(message.test(stdout + stderr), `${what}: ${stdout}${stderr}`);
        assert.doesNotMatch(stdout + stderr, /not-the-password/, what);
      }
      await serves(at);
    },
  },
  {
    name: 'a migration that fails stops the new start, is told, and leaves the servers and the data as they are',
    async run(t) {
      const at = await stack();
      const before = await servers(at);
      const secret = join(at.folder, 'secrets/db_owner_password.txt');
      const right = readFileSync(secret, 'utf8');
      t.after(() => writeFileSync(secret, right)); // in place: containers look at this very file
      writeFileSync(secret, 'not-the-password-0123456789abcdef\n');
      const { status, stderr } = await at.compose('up -d --no-build', { ok: false });
      assert.notEqual(status, 0);
      assert.match(stderr, /migrate.*(didn't complete|exit)/);
      const { stdout } = await at.compose('logs --no-log-prefix --tail 5 migrate');
      assert.match(stdout, /refuses the password/);
      assert.deepEqual(await servers(at), before);
      await serves(at);
      writeFileSync(secret, right);
      await at.compose('up -d --no-build');
      assert.deepEqual(await servers(at), before, 'the right one has nothing to replace');
    },
  },
];

/** A second file on top of the stack's own, for one command. */
function override(t: RowContext, at: Stack, text: string): string {
  const file = join(t.scratch, 'override.yml');
  writeFileSync(file, text);
  return `-f ${file} --project-directory ${at.folder}`;
}

export async function servers(at: Stack): Promise<string[]> {
  return (await at.compose('ps -q app')).stdout.trim().split('\n').sort();
}

async function serves(at: Stack): Promise<void> {
  await at.compose('exec -T app node /app/server/bin/auth-api.mjs health --ready');
}
