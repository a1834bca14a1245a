import type { Config } from '../../config/config.ts';
import {
  addresseeOf,
  askedLine,
  byCode,
  type Entering,
  enterByMail,
  type MailSignInDeps,
} from '../../core/mail-sign-in/index.ts';
import { issueOneTime, type OneTimeRow, peekOneTime, useOneTime } from '../../core/one-time/index.ts';
import type { Outcome } from '../../core/signin/index.ts';
import { findUser, lockUser, requireEmail } from '../../core/users/index.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { digits, randomToken } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';
import { allowedReturnTo } from '../../lib/return-to.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import { flowHash } from './flow.ts';

export interface MagicLinkDeps extends MailSignInDeps {
  config: Pick<Config, 'SIGN_UP_BY_MAIL' | 'APP_LINK_BASE' | 'PUBLIC_URL' | 'CORS_ORIGIN'>;
  db: Db;
}

const LIFETIME_MS = 600_000;

export interface Asked {
  email: string;
  returnTo: string | undefined;
  deviceToken: string | undefined;
}

/** Sends a link, and gives the flow that it works with; for an address that gets none, a flow that leads nowhere. */
export async function sendLink(deps: MagicLinkDeps, asked: Asked, origin: RequestOrigin): Promise<string> {
  const { config } = deps;
  const email = requireEmail(asked.email);
  const allowed = { publicUrl: config.PUBLIC_URL, origins: config.CORS_ORIGIN };
  const returnTo = asked.returnTo === undefined ? null : allowedReturnTo(asked.returnTo, allowed);
  const known = await deps.flags.known();
  const device = await deps.signIn.deviceOf(asked.deviceToken, origin.now);
  const flow = randomToken('fl');
  await deps.unit.change(async (tx, record) => {
    const addressee = await addresseeOf(deps, tx, known, { kind: 'magic-link', email, device }, origin.now);
    const { user, isDue, about } = addressee;
    const until = String(origin.now + LIFETIME_MS);
    const data = { ...about.data, until, ...(returnTo === null ? {} : { return_to: returnTo }) };
    const value = { userId: about.userId, data, flow: flowHash(flow) };
    const token = await issueOneTime(tx, 'magic-link', value, origin.now);
    const to = { to: email, ...(user === undefined ? {} : { locale: user.locale, userId: user.id }) };
    const link = mailLink(config.APP_LINK_BASE, '/magic-link', token);
    await record({
      audit: [askedLine('session.link_sent', addressee, email, origin)],
      mail: [{ template: isDue ? 'magic-link' : 'nobody', ...to, data: { link } }],
    });
  });
  return flow;
}

/** Signs in by the link, with one of the flows. Elsewhere it is refused and not used up: its owner may still show it. */
export function useLink(
  deps: MagicLinkDeps,
  { token, flows }: { token: string; flows: readonly string[] },
  entering: Omit<Entering, 'kind'>,
): Promise<Outcome> {
  const { now } = entering.origin;
  const hashes = flows.map(flowHash);
  const use = (tx: Tx, row: OneTimeRow): Promise<OneTimeRow> => {
    if (row.flow === null || !hashes.includes(row.flow)) throw new Refusal('opened_elsewhere');
    return useOneTime(tx, 'magic-link', token, now, row.flow);
  };
  const peek = (tx: Tx) => peekOneTime(tx, 'magic-link', token, now);
  return enterByMail(deps, { ...entering, kind: 'magic-link' }, peek, use);
}

/**
 * Turns a link that was opened elsewhere into a code, which works where the link was asked for and nowhere else, for as
 * long as the link would have. Whoever asked must be told the code by who has the mailbox.
 */
export async function showCode(deps: MagicLinkDeps, token: string, origin: RequestOrigin): Promise<string> {
  const code = await deps.unit.change(async (tx, record) => {
    const row = await peekOneTime(tx, 'magic-link', token, origin.now);
    if (row.user_id !== null) await lockUser(tx, row.user_id);
    const { user_id: userId, flow, data } = await useOneTime(tx, 'magic-link', token, origin.now, row.flow);
    if (flow === null || !(await standsFor(tx, userId, data.email))) return null;
    const shown = digits(6);
    const secretHash = deps.factors.codeHash(flow, shown);
    const value = { userId, data, value: flow, secretHash, notAfter: Number(data.until) };
    await issueOneTime(tx, 'magic-code', value, origin.now);
    const about = userId === null ? {} : { subject: userId };
    const actor = { type: 'anonymous' } as const;
    await record({ audit: [{ action: 'session.code_shown', outcome: 'success', actor, ...about, origin }] });
    return shown;
  });
  if (code === null) throw new Refusal('token_invalid');
  return code;
}

async function standsFor(tx: Tx, userId: string | null, email: string | undefined): Promise<boolean> {
  if (userId === null || email === undefined) return email !== undefined;
  const user = await findUser(tx, userId);
  return user?.status === 'active' && user.email === email;
}

/** Signs in by the code that was shown elsewhere, with the flow of the link that it came from. */
export async function useShownCode(
  deps: MagicLinkDeps,
  { code, flows }: { code: string; flows: readonly string[] },
  entering: Omit<Entering, 'kind'>,
): Promise<Outcome> {
  const { now } = entering.origin;
  const { peek, use } = byCode(deps.factors, 'magic-code', await shownFlow(deps.db, flows, now), code, now);
  return enterByMail(deps, { ...entering, kind: 'magic-link' }, peek, use);
}

/** The hash of the flow whose link was turned into a code, the newest first: only that one spends a try. */
async function shownFlow(db: Db, flows: readonly string[], now: number): Promise<string> {
  const hashes = flows.map(flowHash);
  for (const hash of hashes.length > 1 ? hashes : []) {
    const isShown = await peekOneTime(db, 'magic-code', hash, now).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Refusal && error.code === 'token_invalid') return false;
        throw error;
      },
    );
    if (isShown) return hash;
  }
  return hashes[0] ?? '';
}
