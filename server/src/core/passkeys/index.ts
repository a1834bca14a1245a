import type { Db, Sql, Tx } from '../../platform/db/index.ts';

/** What a browser answers to `navigator.credentials.get` and `.create`, as JSON (WebAuthn Level 3, section 5.1). */
export type BrowserResponse = Record<string, unknown>;

/** Why a challenge was made. What was made for one is nothing anywhere else. */
export type AssertionPurpose = 'passkey-sign-in' | 'passkey-factor';

/** A passkey that has just proven itself; its counter is stored by then. */
export interface Assertion {
  readonly passkeyId: string;
  readonly userId: string;
  /** Synced among devices, or bound to one: `swk` or `hwk` (RFC 8176). */
  readonly method: 'swk' | 'hwk';
  readonly isUserVerified: boolean;
}

export interface Passkeys {
  /**
   * Options for `navigator.credentials.get`; the challenge is stored, bound to its purpose, user and flow. A sign-in is
   * for whoever holds a passkey (`userId` null: nothing is listed, so that known and unknown addresses look alike).
   */
  assertionOptions(
    sql: Sql,
    purpose: AssertionPurpose,
    about: { userId: string | null; flow?: string },
    now: number,
  ): Promise<Record<string, unknown>>;
  /**
   * Uses the challenge up and checks everything: purpose, flow, origin, RP id, user presence, user verification (always
   * for a sign-in), signature, counter, owner. Null: not valid. The caller lets its transaction commit all the same.
   */
  assert(
    tx: Tx,
    purpose: AssertionPurpose,
    response: BrowserResponse,
    about: { userId: string | null; flow?: string },
    now: number,
  ): Promise<Assertion | null>;
}

export interface PasskeysDeps {
  db: Db;
}
