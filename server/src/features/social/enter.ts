import type { Unit } from '../../core/effects/index.ts';
import type { Attempt, Outcome, SignIn } from '../../core/signin/index.ts';
import type { UserRow } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';

export type Record = Parameters<Parameters<Unit['change']>[0]>[1];

interface Entering {
  readonly user: UserRow;
  readonly provider: string;
  readonly mode: 'token' | 'cookie';
  readonly deviceToken: string | undefined;
  readonly origin: RequestOrigin;
}

/** What a provider's word is to core/signin. */
export function byProvider({ provider, ...who }: Entering): Attempt {
  return { ...who, proofs: [{ method: 'fed' }], audit: { detail: { provider } } };
}

/** In by a provider's word. A refusal is given back rather than thrown: what was used up on the way stays used up. */
export async function enter(signIn: SignIn, tx: Tx, record: Record, entering: Entering): Promise<Outcome | Refusal> {
  try {
    const { outcome, effects } = await signIn.proceedIn(tx, byProvider(entering));
    await record(effects);
    return outcome;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
