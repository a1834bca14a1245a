import type { ValuesOf } from './setting.ts';
import { limits, oauth, passwords } from './settings/accounts.ts';
import { aws, logs, mail, monitoring } from './settings/operations.ts';
import { secretStores } from './settings/secret-stores.ts';
import { server } from './settings/server.ts';
import { signIn } from './settings/sign-in.ts';
import { database, redis } from './settings/stores.ts';
import { sessions, tokens } from './settings/tokens.ts';

/** Every setting that the server knows, in the order of the reference page. */
export const themes = [
  { title: 'Server', settings: server },
  { title: 'Database', settings: database },
  { title: 'Redis', settings: redis },
  { title: 'Tokens and secrets', settings: tokens },
  { title: 'Sessions', settings: sessions },
  { title: 'Accounts and passwords', settings: passwords },
  { title: 'Second factors and passkeys', settings: signIn },
  { title: 'Limits', settings: limits },
  { title: 'Mail', settings: mail },
  { title: 'Amazon Web Services', settings: aws },
  { title: 'Social sign-in', settings: oauth },
  { title: 'Logs and audit', settings: logs },
  { title: 'Monitoring', settings: monitoring },
  { title: 'Secret stores', settings: secretStores },
] as const;

export const table = {
  ...server,
  ...database,
  ...redis,
  ...tokens,
  ...sessions,
  ...passwords,
  ...signIn,
  ...limits,
  ...mail,
  ...aws,
  ...oauth,
  ...logs,
  ...monitoring,
  ...secretStores,
};

export type Name = keyof typeof table;
export type Values = ValuesOf<typeof table>;
