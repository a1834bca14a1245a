import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import { countWaysIn } from './store.ts';

export { type AddressProof, addressProof, decideLinking, type Linking, type LocalAccount } from './linking.ts';
export {
  deleteIdentitiesOf,
  deleteIdentity,
  findTokens,
  type IdentityRow,
  insertIdentity,
  type KnownPerson,
  listIdentities,
  lockIdentityOwner,
  replaceTokens,
  useIdentity,
  usePersonsIdentity,
} from './store.ts';

/**
 * Before a passkey or a linked provider is removed: something else than the mailbox must still lead into the account.
 * The caller has locked the user, so that two removals at once see each other.
 */
export async function requireAnotherWayIn(tx: Tx, userId: string): Promise<void> {
  const ways = await countWaysIn(tx, userId);
  if (ways === undefined || Number(ways.has_password) + ways.passkeys + ways.identities <= 1) {
    throw new Refusal('last_sign_in_method');
  }
}
