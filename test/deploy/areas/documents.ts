import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Area, Row, RowContext } from '../row.ts';
import { stack } from '../stack.ts';

/** Every block of these that can be run is run, top to bottom, against the stack. */
const DOCUMENTS = [
  'deploy/README.md',
  'docs/runbooks/server.md',
  'docs/runbooks/database.md',
  'docs/runbooks/redis.md',
] as const;

const root = join(import.meta.dirname, '../../..');

interface Block {
  readonly kind: 'bash' | 'sql';
  readonly line: number;
  readonly text: string;
}

function blocksOf(path: string): Block[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.matchAll(/^```(bash|sql)\n([\s\S]*?)^```$/gm)].map((match) => ({
    kind: match[1] as Block['kind'],
    text: match[2] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }));
}

async function runBlock(t: RowContext, { kind, text }: Block): Promise<void> {
  const { folder, env, compose } = await stack();
  if (kind === 'bash') {
    await t.sh(text, { cwd: folder, env, seconds: 300 });
    return;
  }
  const role = /^-- as (\w+)/.exec(text)?.[1];
  assert.ok(role, 'the first line of an SQL text says whose it is: -- as auth_owner');
  const password = role === 'postgres' ? 'db_password' : `${role.replace('auth_', 'db_')}_password`;
  await compose(
    `exec -T postgres bash -c 'PGSSLMODE=require PGPASSWORD=$(cat /run/secrets/${password}) psql -X -v ON_ERROR_STOP=1 -h 127.0.0.1 -U ${role} -d auth_db'`,
    { stdin: text },
  );
}

const rows: Row[] = DOCUMENTS.map((path) => ({
  name: `every command of ${path} works`,
  timeout: 400,
  async run(t) {
    const blocks = blocksOf(path);
    assert.ok(blocks.length > 0);
    for (const block of blocks) {
      await runBlock(t, block).catch((error: Error) => {
        throw new Error(`${path}:${block.line}: ${error.message}`);
      });
    }
    t.figure('blocks', blocks.length);
  },
}));

export const documents: Area = {
  name: 'documents',
  title: 'What the documents say',
  needs: ['stack'],
  rows: [
    ...rows,
    {
      name: 'a command that fails would be noticed',
      async run(t) {
        await assert.rejects(
          runBlock(t, { kind: 'bash', line: 1, text: 'docker compose -f docker-compose.prod.yml exec -T app false' }),
        );
        await assert.rejects(
          runBlock(t, { kind: 'sql', line: 1, text: '-- as auth_readonly\nSELECT password_hash FROM auth.users;' }),
        );
      },
    },
  ],
};
