import { hmac, sha256 } from '../../lib/bytes.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Sql } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import {
  type Admission,
  admission,
  admit,
  clearGuards,
  deviceIdsOf,
  findGuard,
  type GuardRow,
  type GuardRule,
  handBack,
} from './store.ts';

export { exceededLines } from './exceeded.ts';
export { createRequestCounts, type LimitState, type RequestCounts } from './requests.ts';
export { deleteExpiredCounts, deleteIdleGuards, type GuardRow } from './store.ts';

/**
 * Guesses per account (NIST 800-63B-4, section 3.2.2: at most 100 consecutive failures). Ten in a quarter of an hour;
 * each exhausted window doubles the next, up to a day; after a hundred in a row the password is no way in any more
 * until its owner resets it, a known device signs in, or an administrator unlocks it. Known devices are counted apart,
 * each for itself, so that a stranger cannot lock the owner out. Unknown accounts are counted alike.
 */
export const GUESS: GuardRule = { attempts: 10, seconds: 15 * 60, maxSeconds: 24 * 3600, consecutive: 100 };

/**
 * SQL that counts one guess in a statement of the caller's own, and gives the attempts that were used by then, or no row
 * where none is left: at the device whose id is the expression `device`, where that is not null, else at `account`.
 */
export function guessIn(account: string, device: string, now: string): string {
  return admission(`coalesce(sha256(convert_to('device:' || ${device}, 'UTF8')), ${account})`, now, GUESS);
}

/** Mails to one address for one reason: nobody is bombed, and nobody is told that there is a limit. */
const MAIL: GuardRule = { attempts: 5, seconds: 3600, maxSeconds: 3600, consecutive: 2_000_000_000 };
/** Codes that can be guessed: twenty mails with five tries each are a hundred guesses at one address in a day (BRU-11). */
const MAIL_A_DAY: GuardRule = { attempts: 20, seconds: 24 * 3600, maxSeconds: 24 * 3600, consecutive: 2_000_000_000 };

/** How many attempts of one account this process works on at once: fewer than a window holds, so that many right
 *  passwords at the same moment do not look like guessing. */
const TOGETHER = 3;
const WAITING_MAX = 200;

export interface Guesses {
  /** The `account` of `guessIn`. */
  accountKey(email: string): Buffer;
  /** Takes one attempt; undefined where none is left. `device` is the id of a device known to be the account's. */
  admit(sql: Sql, email: string, device: string | null, now: number): Promise<Admission | undefined>;
  succeeded(sql: Sql, email: string, device: string | null): Promise<void>;
  /** The counts that a success clears, for a statement of the caller's own. */
  keysOf(email: string, device: string | null): Buffer[];
  /** The same for second factors: who has the first one, and the account's name alone tells nobody. */
  admitFactor(sql: Sql, userId: string, device: string | null, now: number): Promise<Admission | undefined>;
  factorSucceeded(sql: Sql, userId: string, device: string | null): Promise<void>;
  /** Runs the look at the password; where the server was too busy for it, the attempt is handed back. */
  spend<T>(sql: Sql, email: string, device: string | null, isCounted: boolean, look: () => Promise<T>): Promise<T>;
  /** The account's count, and those of its devices. */
  unlock(sql: Sql, user: { id: string | null; email: string }): Promise<number>;
  state(sql: Sql, email: string): Promise<GuardRow | undefined>;
  admitMail(sql: Sql, reason: string, email: string, now: number): Promise<boolean>;
  /** The same for mails with a code that is short enough to be guessed: only so many a day as well. */
  admitCodeMail(sql: Sql, reason: string, email: string, now: number): Promise<boolean>;
  /** Runs `work` while at most a few others work on the same account. */
  inTurn<T>(email: string, work: () => Promise<T>): Promise<T>;
  readonly attemptsPerWindow: number;
}

export function createGuesses(encryption: Encryption): Guesses {
  const key = encryption.derive('guards')[0] as Buffer;
  const turns = new Map<string, { running: number; waiting: (() => void)[] }>();
  const keyOf = (email: string, device: string | null): Buffer =>
    device === null ? hmac(key, `account:${email}`) : sha256(`device:${device}`);
  const keysOf = (email: string, device: string | null): Buffer[] =>
    device === null ? [keyOf(email, null)] : [keyOf(email, device), keyOf(email, null)];
  const factorKey = (userId: string, device: string | null): Buffer =>
    hmac(key, device === null ? `factor:${userId}` : `factor-device:${device}`);
  const admitMail: Guesses['admitMail'] = async (sql, reason, email, now) =>
    (await admit(sql, hmac(key, `mail:${reason}:${email}`), MAIL, new Date(now))) !== undefined;
  return {
    admitFactor: (sql, userId, device, now) => admit(sql, factorKey(userId, device), GUESS, new Date(now)),
    async factorSucceeded(sql, userId, device) {
      await clearGuards(
        sql,
        device === null ? [factorKey(userId, null)] : [factorKey(userId, device), factorKey(userId, null)],
      );
    },
    attemptsPerWindow: GUESS.attempts,
    accountKey: (email) => keyOf(email, null),
    admit: (sql, email, device, now) => admit(sql, keyOf(email, device), GUESS, new Date(now)),
    keysOf,
    async succeeded(sql, email, device) {
      await clearGuards(sql, keysOf(email, device));
    },
    async spend(sql, email, device, isCounted, look) {
      try {
        return await look();
      } catch (error) {
        const isBusy = error instanceof Refusal && error.code === 'busy';
        if (isBusy && isCounted) await handBack(sql, keyOf(email, device));
        throw error;
      }
    },
    async unlock(sql, { id, email }) {
      const devices = [null, ...(await deviceIdsOf(sql, email))];
      return clearGuards(
        sql,
        devices.flatMap((device) => [keyOf(email, device), ...(id === null ? [] : [factorKey(id, device)])]),
      );
    },
    state: (sql, email) => findGuard(sql, keyOf(email, null)),
    admitMail,
    async admitCodeMail(sql, reason, email, now) {
      const dayKey = hmac(key, `mail-day:${reason}:${email}`);
      const isWithinHour = await admitMail(sql, reason, email, now);
      return isWithinHour && (await admit(sql, dayKey, MAIL_A_DAY, new Date(now))) !== undefined;
    },
    async inTurn(email, work) {
      const turn = turns.get(email) ?? { running: 0, waiting: [] };
      turns.set(email, turn);
      if (turn.waiting.length >= WAITING_MAX) throw new Refusal('busy', { retryAfter: 2 });
      if (turn.running >= TOGETHER) await new Promise<void>((go) => turn.waiting.push(go));
      else turn.running += 1;
      try {
        return await work();
      } finally {
        const next = turn.waiting.shift();
        if (next) next();
        else if (--turn.running === 0) turns.delete(email);
      }
    },
  };
}
