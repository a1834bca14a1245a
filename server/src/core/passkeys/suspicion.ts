import type { RequestOrigin } from '../../lib/origin.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Unit } from '../effects/index.ts';
import { securityNotice } from '../outbox/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { findUser } from '../users/index.ts';
import type { CredentialRow } from './store.ts';

interface Deps {
  unit: Pick<Unit, 'recordIn'>;
  guesses: Pick<Guesses, 'admitMail'>;
}

type Alarm = (
  tx: Tx,
  passkey: CredentialRow,
  seen: { shown: number; origin: RequestOrigin | undefined; now: number },
) => Promise<void>;

/**
 * A right signature under a counter that did not grow: somebody has a copy of the authenticator (WebAuthn Level 3,
 * section 6.1.1). The counter stays as it is, so that the copy that is ahead goes on; its owner is told.
 */
export function createAlarm({ unit, guesses }: Deps): Alarm {
  return async (tx, passkey, { shown, now, origin = { requestId: '', address: '', userAgent: '', now } }) => {
    const user = await findUser(tx, passkey.user_id);
    if (user === undefined) return;
    const isTold = await guesses.admitMail(tx, 'passkey-notice', user.email, now);
    await unit.recordIn(tx, {
      audit: [
        {
          action: 'passkey.suspicious',
          outcome: 'denied',
          actor: { type: 'anonymous' },
          subject: user.id,
          reason: 'counter',
          origin,
          detail: { passkey: passkey.id, counter: shown, stored: passkey.sign_count },
        },
      ],
      mail: isTold ? [securityNotice(user, 'passkey_suspicious', { ...origin, now }, passkey.name)] : [],
    });
  };
}
