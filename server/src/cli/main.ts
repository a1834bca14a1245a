import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { group } from './command.ts';
import { runCommandLine } from './run.ts';

// Compiled code is kept beside the packages, never in a folder that others can write: a third off the start. Where it
// cannot be kept, nothing is lost but that.
enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/auth-api', import.meta.url)));

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The doors for operators. Each command is loaded when it is asked for, so that `serve` starts without the others. */
const root = group('auth-api: an authentication server. Accounts, sessions, tokens.', {
  serve: { summary: 'Run the server until it is told to stop.', load: async () => (await import('./serve.ts')).serve },
  migrate: {
    summary: 'Show or apply the changes of the database schema.',
    load: async () => (await import('./migrate.ts')).migrate,
  },
  doctor: {
    summary: 'Say what is wrong with this installation, and how to mend it.',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  users: {
    summary: 'Find, make, change, import and export accounts.',
    load: async () => (await import('./users.ts')).users,
  },
  keys: { summary: 'List, rotate and revoke signing keys.', load: async () => (await import('./keys.ts')).keys },
  flags: { summary: 'List, set and unset feature flags.', load: async () => (await import('./flags.ts')).flags },
  audit: { summary: 'Verify, search and export the audit log.', load: async () => (await import('./audit.ts')).audit },
  config: {
    summary: 'Check, print and document the settings.',
    load: async () => (await import('./config.ts')).config,
  },
  openapi: {
    summary: 'Print the contract of the API (OpenAPI 3.1).',
    load: async () => (await import('./openapi.ts')).openapi,
  },
  'setup-link': {
    summary: 'Make the one-time link for the first administrator.',
    load: async () => (await import('./setup-link.ts')).setupLink,
  },
  data: { summary: 'Move the data to another database.', load: async () => (await import('./data.ts')).data },
  backup: {
    summary: 'Say when a restore was last proven, and prove one.',
    load: async () => (await import('./backup.ts')).backup,
  },
  health: {
    summary: 'Ask the running server whether it is well, for containers.',
    load: async () => (await import('./health.ts')).health,
  },
});

// A pipe that was closed (`| head`) ends the command quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 70));

process.exitCode = await runCommandLine(root, process.argv.slice(2), version);
// What a library has left open (a pool, a socket) does not keep a finished command waiting.
setTimeout(() => process.exit(), 500).unref();
