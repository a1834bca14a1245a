import { defineCommand, runMain } from 'citty';
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** The doors for operators. Each command is loaded when it is asked for, so that `serve` starts without the others. */
const main = defineCommand({
  meta: { name: 'auth-api', version, description: 'An authentication server: accounts, sessions, tokens.' },
  subCommands: {
    serve: () => import('./serve.ts').then((m) => m.serve),
  },
});

await runMain(main);
