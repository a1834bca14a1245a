import type { Unit } from '../../core/effects/index.ts';
import type { Factors } from '../../core/factors/index.ts';
import { putSecret } from '../../core/one-time/index.ts';
import type { SignIn } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { digits } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';

export interface SendCodeDeps {
  unit: Unit;
  signIn: SignIn;
  factors: Factors;
  guesses: Guesses;
}

/** A code by mail for a sign-in that waits for one; a later code replaces it, and the tries stay as they are. */
export async function sendCode(deps: SendCodeDeps, token: string, origin: RequestOrigin): Promise<void> {
  await deps.unit.change(async (tx, record) => {
    const pending = await deps.signIn.peek(tx, 'mfa', token, origin.now);
    if (pending === null || !pending.factors.includes('email')) throw new Refusal('mfa_invalid');
    const { user } = pending;
    if (!(await deps.guesses.admitMail(tx, 'factor', user.email, origin.now))) {
      throw new Refusal('rate_limited', { policy: 'mail_code', retryAfter: 3600 });
    }
    const code = digits(6);
    await putSecret(tx, pending.id, deps.factors.codeHash(pending.id, code));
    await record({
      audit: [
        {
          action: 'session.code_sent',
          outcome: 'success',
          actor: { type: 'user', id: user.id },
          subject: user.id,
          origin,
          detail: { for: 'factor' },
        },
      ],
      mail: [
        { template: 'mail-code', to: user.email, locale: user.locale, userId: user.id, data: { code, for: 'factor' } },
      ],
    });
  });
}
