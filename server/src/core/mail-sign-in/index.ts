import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { AuditEvent } from '../audit/index.ts';
import { claimAccount } from '../claims/index.ts';
import type { Effects, Unit } from '../effects/index.ts';
import type { Factors } from '../factors/index.ts';
import type { Flags, KnownFlags } from '../flags/index.ts';
import { type OneTimeRow, type Purpose, peekOneTime, tryOneTime } from '../one-time/index.ts';
import type { Outcome, SignIn } from '../signin/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { findUser, findUserByEmail, insertUser, lockUser, type UserRow } from '../users/index.ts';

export interface MailSignInDeps {
  config: Pick<Config, 'SIGN_UP_BY_MAIL'>;
  unit: Unit;
  flags: Pick<Flags, 'known'>;
  factors: Factors;
  guesses: Guesses;
  signIn: SignIn;
}

/** A link, or a code; as audit lines and counts of mails name it. */
export type ByMail = 'magic-link' | 'mail-code';

/** Who is written to, if anybody. */
export interface Addressee {
  readonly user: UserRow | undefined;
  /** False: nothing is sent, and what is issued can be used by nobody. */
  readonly isDue: boolean;
  /** What a one-time value is about: nothing, where it is for nobody. */
  readonly about: { readonly userId: string | null; readonly data: Record<string, string> };
}

/**
 * Whether an address gets a link or a code. The same statements are made for every address. Two choices:
 *
 * - A newer link or code leaves the earlier ones as they are. Each belongs to the browser that asked (its flow), so a
 *   stranger who asks as well does not end what its owner is just waiting for, and cannot use what he did not ask for.
 * - Mails are counted by address, and those that a known device asks for by that device: a stranger can use up what an
 *   address gets in an hour, but not what its owner gets at home.
 */
export async function addresseeOf(
  deps: MailSignInDeps,
  tx: Tx,
  known: KnownFlags,
  asked: { kind: ByMail; email: string; device: { id: string; user_id: string } | undefined },
  now: number,
): Promise<Addressee> {
  const { kind, email, device } = asked;
  const user = await findUserByEmail(tx, email);
  const reason = device !== undefined && device.user_id === user?.id ? `${kind} ${device.id}` : kind;
  const admit = kind === 'mail-code' ? deps.guesses.admitCodeMail : deps.guesses.admitMail;
  const isAllowed = await admit(tx, reason, email, now);
  const isOpen = deps.config.SIGN_UP_BY_MAIL && (await known.isOn('registration', { key: email }));
  const isDue = isAllowed && (user === undefined ? isOpen : user.status === 'active');
  return { user, isDue, about: isDue ? { userId: user?.id ?? null, data: { email } } : { userId: null, data: {} } };
}

/** The line about a link or a code that was asked for. */
export function askedLine(
  action: 'session.link_sent' | 'session.code_sent',
  { user, isDue }: Addressee,
  email: string,
  origin: RequestOrigin,
): AuditEvent {
  return {
    action,
    outcome: isDue ? 'success' : 'denied',
    actor: { type: 'anonymous' },
    ...(user === undefined ? {} : { subject: user.id }),
    origin,
    personal: { email },
  };
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

export interface Entering {
  readonly kind: ByMail;
  readonly mode: 'token' | 'cookie';
  readonly deviceToken: string | undefined;
  readonly origin: RequestOrigin;
}

/**
 * Signs in whom a link or a code was for. `use` uses it up; null where it refuses and what it changed is to stand (a
 * wrong code is a try). The owner's row is locked first, as everything locks it that ends links, so that neither waits
 * for the other in a circle.
 */
export async function enterByMail(
  deps: MailSignInDeps,
  entering: Entering,
  peek: (tx: Tx) => Promise<OneTimeRow>,
  use: (tx: Tx, row: OneTimeRow) => Promise<OneTimeRow | null>,
): Promise<Outcome> {
  const { kind, origin } = entering;
  const known = await deps.flags.known(); // asked before the transaction: within it no query may wait for another
  let subject: string | null = null;
  try {
    const outcome = await deps.unit.change(async (tx, record) => {
      const row = await peek(tx);
      subject = row.user_id;
      await lockUser(tx, row.user_id ?? NOBODY); // for nobody too: a wrong code tells nothing by its time
      const used = await use(tx, row);
      const user = used === null ? null : await ownerOf(deps, tx, known, used, entering, record);
      return user === null ? null : proceed(deps, tx, record, user, used?.data.return_to, entering);
    });
    if (outcome !== null) return outcome;
    throw new Refusal('token_invalid');
  } catch (error) {
    if (error instanceof Refusal && error.status < 500) {
      const about = subject === null ? {} : { subject };
      const actor = { type: 'anonymous' } as const;
      const line = { action: 'session.login_failed', outcome: 'failure', actor, ...about, reason: error.code } as const;
      await deps.unit.record({ audit: [{ ...line, origin, detail: { method: kind } }] });
    }
    throw error;
  }
}

type Write = (effects: Effects) => Promise<void>;

async function proceed(
  deps: MailSignInDeps,
  tx: Tx,
  record: Write,
  user: UserRow,
  returnTo: string | undefined,
  { kind, mode, deviceToken, origin }: Entering,
): Promise<Outcome> {
  const { outcome, effects } = await deps.signIn.proceedIn(tx, {
    user,
    proofs: [{ method: 'email' }],
    mode,
    deviceToken,
    origin,
    audit: { detail: { method: kind } },
    ...(returnTo === undefined ? {} : { returnTo }),
  });
  await record(effects);
  return outcome;
}

/**
 * Who comes in by it: the account that it was sent for, if it still has that address; where there was none, the one that
 * has the address by now, or a new one. An account that never proved its address is taken over clean.
 */
async function ownerOf(
  deps: MailSignInDeps,
  tx: Tx,
  known: KnownFlags,
  { user_id: id, data: { email } }: OneTimeRow,
  { kind, origin }: Entering,
  record: Write,
): Promise<UserRow | null> {
  if (email === undefined) return null; // it was issued to nobody
  const now = new Date(origin.now);
  let user = id === null ? await findUserByEmail(tx, email) : await findUser(tx, id);
  if (user === undefined && id === null) {
    if (!deps.config.SIGN_UP_BY_MAIL) return null;
    await known.requireOn('registration', { key: email });
    const newId = uuidv7(origin.now);
    const newcomer = { id: newId, email, name: null, passwordHash: null, verifiedAt: now, createdAt: now };
    if (await insertUser(tx, newcomer)) await record({ audit: [registeredLine(newId, kind, origin)] });
    user = await findUserByEmail(tx, email); // another link may have made it meanwhile
  }
  if (user === undefined || user.email !== email || user.status !== 'active') return null;
  if (user.email_verified_at !== null) return user;
  await record(await claimAccount(deps, tx, user, origin));
  return (await findUser(tx, user.id)) ?? null;
}

function registeredLine(id: string, method: ByMail, origin: RequestOrigin): AuditEvent {
  const detail = { method };
  return { action: 'user.registered', outcome: 'success', actor: { type: 'user', id }, subject: id, origin, detail };
}

/** One try at a code, for `enterByMail`. A flow that is unknown, used up or over throws; a wrong code is null. */
export function byCode(
  factors: Factors,
  purpose: Extract<Purpose, 'mail-code' | 'magic-code'>,
  handle: string,
  code: string,
  now: number,
): { peek(tx: Tx): Promise<OneTimeRow>; use(tx: Tx): Promise<OneTimeRow | null> } {
  return {
    peek: (tx) => peekOneTime(tx, purpose, handle, now),
    async use(tx) {
      const row = await tryOneTime(tx, purpose, handle, factors.codeHash(handle, code), now);
      return row?.isRight ? row : null;
    },
  };
}
