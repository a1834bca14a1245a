import { mailLink } from '../../lib/link.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import { endOwnerlessOneTime, issueOneTime, useOneTime } from '../one-time/index.ts';
import { countAdministrators, lockAdministrators } from '../users/index.ts';

/** The way to the first administrator: a link that works once, and only while there is none. The newest counts. */
export async function issueSetupLink(tx: Tx, publicUrl: string, now: number): Promise<string | null> {
  await lockAdministrators(tx);
  if ((await countAdministrators(tx)) > 0) return null;
  await endOwnerlessOneTime(tx, 'setup', now);
  return mailLink(publicUrl, '/setup', await issueOneTime(tx, 'setup', { userId: null }, now));
}

/** Uses the link up. Two at once are put in order: the second finds an administrator. */
export async function useSetupLink(tx: Tx, token: string, now: number): Promise<void> {
  await lockAdministrators(tx);
  if ((await countAdministrators(tx)) > 0) throw new Refusal('setup_closed');
  await useOneTime(tx, 'setup', token, now);
}
