import { codeAt, stepAt } from '../../../src/core/factors/index.ts';

/** An account, as whoever made it knows it. Nothing here is read from the server. */
export interface Who {
  readonly id: string;
  readonly email: string;
  password: string | null;
  isVerified: boolean;
  readonly isActive: boolean;
  totp: { secret: string; lastStep: number; isConfirmed: boolean } | null;
  hasMailFactor: boolean;
  passkey: string | null;
  recoveryCodes: Set<string>;
  /** Policy lets nobody into it without a second factor. */
  readonly mustEnrol: boolean;
  /** The account at the provider whose owner this is. */
  readonly visitor: number;
  /** Grows with everything that ends what is under way: a new password, a takeover. */
  era: number;
}

export type Kind =
  | 'mfa'
  | 'enrolment'
  | 'magic-link'
  | 'magic-code'
  | 'mail-code'
  | 'sign-in challenge'
  | 'factor challenge'
  | 'state'
  | 'provider-code'
  | 'reset'
  | 'verify'
  | 'device'
  | 'refresh'
  | 'access';

/** What is known of a value that the server gave. */
export interface Fact {
  readonly kind: Kind;
  /** Null: of nobody in particular. */
  readonly who: Who | null;
  readonly era: number;
  readonly until: number;
  /** What must be shown with it. */
  readonly with: string | null;
  /** What has been proven in this very flow so far. */
  readonly proofs: readonly Proof[];
  isUsed: boolean;
  tries: number;
  /** Of a sign-in that waits: the code that was sent for it by mail. */
  code: string | null;
  isTrusted: boolean;
}

type Proof = 'pwd' | 'email' | 'fed' | 'both' | 'second' | 'refresh';

/** What may come out of a request, at most. */
export interface Verdict {
  readonly may: 'session' | 'wait' | 'enrol' | 'nothing';
  readonly who: Who | null;
  readonly proofs: readonly Proof[];
  /** The account is taken over clean by it. */
  readonly isClaim: boolean;
}

const NOTHING: Verdict = { may: 'nothing', who: null, proofs: [], isClaim: false };

/** May this value be used for this, by somebody who shows `shown` with it? */
export function stands(fact: Fact | undefined, kind: Kind, shown: string | null, now: number): fact is Fact {
  if (fact === undefined || fact.kind !== kind || fact.isUsed || now >= fact.until) return false;
  if (fact.who !== null && fact.who.era !== fact.era) return false;
  return fact.with === shown;
}

/** Somebody has proven something first: what may happen. */
export function first(who: Who | null, proofs: readonly Proof[], device: Fact | undefined, now: number): Verdict {
  if (who === null || !who.isActive) return NOTHING;
  const isClaim = !who.isVerified && (proofs.includes('email') || proofs.includes('fed'));
  if (!who.isVerified && !isClaim) return NOTHING;
  const isGuarded = !isClaim && hasFactor(who);
  const isSpared = stands(device, 'device', null, now) && device.who === who && device.isTrusted;
  if (isGuarded && !proofs.includes('both') && !isSpared) return { may: 'wait', who, proofs, isClaim };
  if (!isGuarded && who.mustEnrol && !proofs.includes('both')) return { may: 'enrol', who, proofs, isClaim };
  return { may: 'session', who, proofs, isClaim };
}

export function hasFactor({ totp, hasMailFactor, passkey }: Who): boolean {
  return totp?.isConfirmed === true || hasMailFactor || passkey !== null;
}

export type Shown =
  | { factor: 'totp' | 'recovery_code' | 'email' | 'password'; code: string }
  | { factor: 'passkey'; key: string; challenge: Fact | undefined; token: string };

/** A second factor is shown to a sign-in that waits. `from` and `to`: the request happened between them. */
export function second(waiting: Fact | undefined, shown: Shown, from: number, to: number): Verdict {
  if (!stands(waiting, 'mfa', null, from) || waiting.tries >= 5) return NOTHING;
  const who = waiting.who as Who;
  const isByMail = waiting.proofs.every((proof) => proof === 'email');
  return who.isActive && isRight(who, waiting, shown, isByMail, from, to)
    ? { may: 'session', who, proofs: [...waiting.proofs, 'second'], isClaim: false }
    : NOTHING;
}

function isRight(who: Who, waiting: Fact, shown: Shown, isByMail: boolean, from: number, to: number): boolean {
  switch (shown.factor) {
    case 'totp':
      return who.totp?.isConfirmed === true && stepFor(who, shown.code, from, to) !== null;
    case 'recovery_code':
      return who.recoveryCodes.has(shown.code);
    case 'email': // the same mailbox twice is one factor
      return who.hasMailFactor && !isByMail && waiting.code === shown.code;
    case 'password':
      return who.hasMailFactor && isByMail && who.password === shown.code;
    case 'passkey':
      return who.passkey === shown.key && stands(shown.challenge, 'factor challenge', shown.token, from);
  }
}

/** The time step whose code this is, if it may still be used. */
export function stepFor({ totp }: Who, code: string, from: number, to: number): number | null {
  if (totp === null) return null;
  for (let step = stepAt(from) - 1; step <= stepAt(to) + 1; step++) {
    if (step > totp.lastStep && codeAt(totp.secret, step) === code) return step;
  }
  return null;
}

/** The first code of an authenticator app that policy asks for. */
export function enrols(waiting: Fact | undefined, code: string, from: number, to: number): Verdict {
  if (!stands(waiting, 'enrolment', null, from) || waiting.tries >= 5) return NOTHING;
  const who = waiting.who as Who;
  if (!who.isActive || who.totp === null || who.totp.isConfirmed || stepFor(who, code, from, to) === null)
    return NOTHING;
  return { may: 'session', who, proofs: [...waiting.proofs, 'second'], isClaim: false };
}
