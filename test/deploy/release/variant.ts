import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowContext } from '../row.ts';
import { APP_IMAGE } from '../stack.ts';

interface Variant {
  readonly starts?: boolean;
  readonly ready?: boolean;
  /** Every so many requests with a credential are answered 500. */
  readonly faulty?: number;
  /** One more migration: its file's name, and its text. */
  readonly migration?: readonly [string, string];
}

const VARIANTS = {
  one: {},
  two: {},
  mute: { starts: false },
  unready: { ready: false },
  faulty: { faulty: 3 },
  newer: { migration: ['9999_release_test.sql', 'ALTER TABLE auth.users ADD COLUMN release_test text;'] },
  stuck: { migration: ['9998_release_stuck.sql', 'ALTER TABLE auth.users ADD COLUMN stuck text;\nSELECT 1/0;'] },
} satisfies Record<string, Variant>;

export type VariantName = keyof typeof VARIANTS;

// Two runs on one machine have images of their own.
const REPOSITORY = `${process.env.DEPLOY_TEST_PROJECT ?? 'auth-api-test'}-variant`;

export function tagOf(name: VariantName): string {
  return `${REPOSITORY}:${name}`;
}

/** An image of its own on top of the real one: a layer of a few lines. */
export async function buildVariants(t: RowContext): Promise<void> {
  for (const name of Object.keys(VARIANTS) as VariantName[]) await build(t, name, VARIANTS[name]);
}

async function build({ scratch, sh }: RowContext, name: VariantName, variant: Variant): Promise<void> {
  const context = join(scratch, name);
  mkdirSync(join(context, 'migrations'), { recursive: true });
  copyFileSync(join(import.meta.dirname, 'variant.mjs'), join(context, 'variant.mjs'));
  const { starts = true, ready = true, faulty = 0, migration } = variant;
  writeFileSync(join(context, 'variant.json'), JSON.stringify({ name, starts, ready, faulty }));
  if (migration) writeFileSync(join(context, 'migrations', migration[0]), migration[1]);
  writeFileSync(
    join(context, 'Dockerfile'),
    `FROM ${APP_IMAGE}
COPY variant.mjs variant.json /app/
COPY migrations/ /app/server/migrations/
ENV NODE_OPTIONS="--disable-warning=ExperimentalWarning --import=/app/variant.mjs"
`,
  );
  await sh(`docker build -q -t ${tagOf(name)} ${context}`, { seconds: 120 });
}

export async function removeVariants({ sh }: RowContext): Promise<void> {
  await sh(`docker image ls -q ${REPOSITORY} | sort -u | xargs -r docker image rm -f`, { ok: false });
}
