import type { Config, RateLimit } from '../../config/config.ts';
import { isUuid } from '../../lib/id.ts';
import { formatIp, parseIp } from '../../lib/ip.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db } from '../../platform/db/index.ts';
import { addressKey } from '../../platform/http/address.ts';
import type { Unit } from '../effects/index.ts';
import { type Administrator, administer, lineOf } from '../roles/index.ts';
import { GUESS, type GuardRow, type Guesses, type RequestCounts } from '../throttle/index.ts';
import { canonicalEmail, findUser, findUserByEmail } from '../users/index.ts';

export interface LimitsDeps {
  db: Db;
  unit: Unit;
  guesses: Guesses;
  counts: RequestCounts;
  config: Pick<Config, 'rateLimitAddress' | 'RATE_LIMIT_LOGIN' | 'RATE_LIMIT_USER'>;
}

export interface LimitView {
  policy: string;
  limit: number;
  window_seconds: number;
  used: number;
  blocked: boolean;
  retry_after: number | null;
  explanation: string;
}

export interface SubjectLimits {
  subject: { kind: 'account' | 'address'; key: string; user_id: string | null };
  limits: LimitView[];
}

type Subject = { kind: 'account'; email: string; userId: string | null } | { kind: 'address'; key: string };

/** Why is this one throttled? A user's id, an e-mail address (also of nobody), or a network address. */
export async function explainLimits(deps: LimitsDeps, text: string, now: number): Promise<SubjectLimits> {
  const subject = await subjectOf(deps.db, text);
  if (subject.kind === 'address') {
    return {
      subject: { kind: 'address', key: subject.key, user_id: null },
      limits: [
        requests(
          deps,
          'address',
          subject.key,
          deps.config.rateLimitAddress,
          'Requests without a valid session from this address.',
        ),
        requests(
          deps,
          'login',
          subject.key,
          deps.config.RATE_LIMIT_LOGIN,
          'Requests that carry a credential from this address.',
        ),
      ],
    };
  }
  const { email, userId } = subject;
  const guard = await deps.guesses.state(deps.db, email);
  return {
    subject: { kind: 'account', key: email, user_id: userId },
    limits: [
      guessing(guard, now),
      ...(userId === null
        ? []
        : [requests(deps, 'user', userId, deps.config.RATE_LIMIT_USER, 'Requests of the signed-in user.')]),
    ],
  };
}

/** Lifts what holds the subject back: the wrong passwords of an account, the requests of a user or an address. */
export async function clearLimits(deps: LimitsDeps, by: Administrator, text: string): Promise<void> {
  const subject = await subjectOf(deps.db, text);
  await administer(deps.unit, by, 'limits:write', async (tx, record) => {
    if (subject.kind === 'account') await deps.guesses.unlock(tx, { id: subject.userId, email: subject.email });
    const userId = subject.kind === 'account' ? subject.userId : null;
    await record({
      audit: [
        lineOf(by, 'limits.cleared', {
          detail: { kind: subject.kind },
          ...(userId === null ? {} : { subject: userId }),
          ...(subject.kind === 'address' ? { personal: { cleared: subject.key } } : {}),
        }),
      ],
    });
  });
  if (subject.kind === 'address') await deps.counts.clear([`address:${subject.key}`, `login:${subject.key}`]);
  else if (subject.userId !== null) await deps.counts.clear([`user:${subject.userId}`]);
}

async function subjectOf(db: Db, text: string): Promise<Subject> {
  if (isUuid(text)) {
    const user = await findUser(db, text);
    if (user === undefined) throw new Refusal('not_found');
    return { kind: 'account', email: user.email, userId: user.id };
  }
  const ip = parseIp(text.endsWith('/64') ? text.slice(0, -3) : text);
  if (ip !== null) return { kind: 'address', key: addressKey(formatIp(ip)) };
  const email = canonicalEmail(text);
  if (email === null) {
    const message = 'is neither a user’s id nor an e-mail address nor a network address';
    throw new Refusal('validation_failed', { errors: [{ field: 'subject', code: 'invalid', message }] });
  }
  return { kind: 'account', email, userId: (await findUserByEmail(db, email))?.id ?? null };
}

function requests(
  { counts }: LimitsDeps,
  policy: string,
  key: string,
  limit: RateLimit,
  explanation: string,
): LimitView {
  const state = counts.peek(policy, key, limit);
  const isFull = state.remaining <= 0;
  return {
    policy,
    limit: limit.max,
    window_seconds: limit.seconds,
    used: limit.max - state.remaining,
    blocked: isFull,
    retry_after: isFull ? state.reset : null,
    explanation,
  };
}

function guessing(guard: GuardRow | undefined, now: number): LimitView {
  const seconds = Math.min(GUESS.seconds * 2 ** Math.min(guard?.windows ?? 0, 20), GUESS.maxSeconds);
  const endsAt = (guard?.window_started_at.getTime() ?? 0) + seconds * 1000;
  const used = endsAt > now ? (guard?.attempts ?? 0) : 0;
  const isShut = (guard?.consecutive ?? 0) >= GUESS.consecutive;
  const isWaiting = used >= GUESS.attempts;
  const shut = `${GUESS.consecutive} wrong passwords in a row: no password gets in until the owner resets it or the account is unlocked.`;
  return {
    policy: 'account',
    limit: GUESS.attempts,
    window_seconds: seconds,
    used,
    blocked: isShut || isWaiting,
    retry_after: isWaiting && !isShut ? Math.ceil((endsAt - now) / 1000) : null,
    explanation: isShut ? shut : 'Attempts with a password from unknown devices; a known device is counted apart.',
  };
}
