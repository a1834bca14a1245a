import { randomBytes } from 'node:crypto';
import {
  addresseeOf,
  askedLine,
  byCode,
  type Entering,
  enterByMail,
  type MailSignInDeps,
} from '../../core/mail-sign-in/index.ts';
import { issueOneTime } from '../../core/one-time/index.ts';
import type { Outcome } from '../../core/signin/index.ts';
import { requireEmail } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { digits, randomToken } from '../../lib/random.ts';

/**
 * Sends a code, and gives the flow that it works with. The code counts for nothing without the flow, which stays with
 * who asked, so that nobody tries codes on another's. What is issued to nobody takes no code at all: six digits could be
 * guessed.
 */
export async function sendCode(
  deps: MailSignInDeps,
  asked: { email: string; deviceToken: string | undefined },
  origin: RequestOrigin,
): Promise<string> {
  const email = requireEmail(asked.email);
  const known = await deps.flags.known();
  const device = await deps.signIn.deviceOf(asked.deviceToken, origin.now);
  const flow = randomToken('fl');
  const code = digits(6);
  const hash = deps.factors.codeHash(flow, code);
  await deps.unit.change(async (tx, record) => {
    const addressee = await addresseeOf(deps, tx, known, { kind: 'mail-code', email, device }, origin.now);
    const { user, isDue, about } = addressee;
    const secretHash = isDue ? hash : randomBytes(hash.length);
    await issueOneTime(tx, 'mail-code', { ...about, secretHash, value: flow }, origin.now);
    const to = { to: email, ...(user === undefined ? {} : { locale: user.locale, userId: user.id }) };
    await record({
      audit: [askedLine('session.code_sent', addressee, email, origin)],
      mail: [
        isDue
          ? { template: 'mail-code', ...to, data: { code, for: 'sign-in' } }
          : { template: 'nobody', ...to, data: { link: code } },
      ],
    });
  });
  return flow;
}

export function useCode(
  deps: MailSignInDeps,
  { flow, code }: { flow: string; code: string },
  entering: Omit<Entering, 'kind'>,
): Promise<Outcome> {
  const { peek, use } = byCode(deps.factors, 'mail-code', flow, code, entering.origin.now);
  return enterByMail(deps, { ...entering, kind: 'mail-code' }, peek, use);
}
