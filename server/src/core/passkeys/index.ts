import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Sql, Tx } from '../../platform/db/index.ts';
import type { Unit } from '../effects/index.ts';
import { issueOneTime, type OneTimeRow, type Purpose, useOneTime } from '../one-time/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { lockUser } from '../users/index.ts';
import { type BrowserResponse, readAssertion } from './browser-response.ts';
import type { Inspected, NewCredential } from './creation.ts';
import { creationOptions, handleOf, type NewOwner, requestOptions } from './options.ts';
import {
  type CredentialRow,
  findCredential,
  insertPasskey,
  listCredentialIds,
  type PasskeyRow,
  usePasskey,
} from './store.ts';
import { createAlarm } from './suspicion.ts';

export type { BrowserResponse } from './browser-response.ts';
export type { Inspected, NewCredential } from './creation.ts';
export type { NewOwner } from './options.ts';
export { deletePasskey, findPasskey, listPasskeys, type PasskeyRow, renamePasskey } from './store.ts';
export { PasskeyResponseFields, PasskeyView, passkeyResponseOf, passkeyView } from './view.ts';

/** Why a challenge was made. What was made for one is nothing anywhere else. */
export type AssertionPurpose = 'passkey-sign-in' | 'passkey-factor';
export type CreationPurpose = 'passkey-creation' | 'passkey-sign-up';

/** A passkey that has just proven itself; its counter is stored by then. */
export interface Assertion {
  readonly passkeyId: string;
  readonly userId: string;
  /** Synced among devices, or bound to one: `swk` or `hwk` (RFC 8176). */
  readonly method: 'swk' | 'hwk';
  readonly isUserVerified: boolean;
}

/** Why a passkey was refused, for the audit log; whoever sent it gets one answer for all. */
export interface Refused {
  readonly reason: string;
  /** Set where the signature was right, so that it is known whose passkey it was. */
  readonly userId: string | null;
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
    about: { userId: string | null; flow?: string; origin?: RequestOrigin },
    now: number,
  ): Promise<Assertion | null>;
  /** The same, with the reason of a refusal. */
  examine(
    tx: Tx,
    purpose: AssertionPurpose,
    response: BrowserResponse,
    about: { userId: string | null; flow?: string; origin?: RequestOrigin },
    now: number,
  ): Promise<Assertion | Refused>;
  /** Options for `navigator.credentials.create`; `data` comes back when the challenge is used. */
  creationOptions(
    tx: Tx,
    purpose: CreationPurpose,
    about: {
      owner: NewOwner;
      /** Whether the owner has an account yet. */
      isKnown: boolean;
      flow?: string;
      isSecondFactorOnly?: boolean;
      data?: Record<string, string>;
    },
    now: number,
  ): Promise<Record<string, unknown>>;
  /** All that can be said of a new credential without the database: before a transaction, since it computes. */
  inspect(response: BrowserResponse, now: number): Promise<Inspected>;
  /** Uses the challenge up, for whatever was inspected. The caller lets its transaction commit, accepted or not. */
  accept(
    tx: Tx,
    purpose: CreationPurpose,
    inspected: Inspected,
    about: { userId: string | null; flow?: string },
    now: number,
  ): Promise<Accepted | Refused>;
  /** Null where the credential is registered already, to whomever (PK-06). */
  add(tx: Tx, accepted: Accepted, owner: { userId: string; name: string }, now: number): Promise<PasskeyRow | null>;
  isRegistered(sql: Sql, accepted: Accepted): Promise<boolean>;
}

/** A new credential whose challenge was ours, unused, and made for this. */
export interface Accepted {
  readonly credential: NewCredential;
  readonly isSecondFactorOnly: boolean;
  readonly data: Record<string, string>;
}

export interface PasskeysDeps {
  config: Pick<Config, 'webauthn' | 'SERVICE_NAME'>;
  unit: Pick<Unit, 'recordIn'>;
  guesses: Pick<Guesses, 'admitMail'>;
}

// The library takes 20 MB and 130 ms: it is loaded with the first passkey, which many installations never see.
export function createPasskeys({ config, unit, guesses }: PasskeysDeps): Passkeys {
  const { webauthn } = config;
  const raiseAlarm = createAlarm({ unit, guesses });

  const examine: Passkeys['examine'] = async (tx, purpose, response, about, now) => {
    const read = readAssertion(response, webauthn.origins);
    const challenge = await takeChallenge(tx, purpose, read.challenge, about, now);
    if ('fault' in read) return refused(read.fault);
    if (challenge === null) return refused('challenge');
    const row = await findCredential(tx, read.credentialId);
    if (row === undefined) return refused('unknown');
    const fault = ownershipFault(row, purpose, read.userHandle, about.userId);
    if (fault !== null) return refused(fault);
    const { verifyAssertion } = await import('./assertion.ts');
    const shown = await verifyAssertion(webauthn, read, row);
    if ('fault' in shown) return refused(shown.fault);
    if (purpose === 'passkey-sign-in' && !shown.isUserVerified) return refused('user_verification', row.user_id);
    await lockUser(tx, row.user_id); // before the passkey's row, as everything that removes passkeys does
    if (!(await usePasskey(tx, row.id, { ...shown, now: new Date(now) }))) {
      if ((await findCredential(tx, read.credentialId)) === undefined) return refused('unknown'); // removed just now
      await raiseAlarm(tx, row, { shown: shown.signCount, origin: about.origin, now });
      return refused('counter', row.user_id);
    }
    const method = row.backup_eligible ? 'swk' : 'hwk';
    return { passkeyId: row.id, userId: row.user_id, method, isUserVerified: shown.isUserVerified };
  };

  return {
    examine,
    async assertionOptions(sql, purpose, { userId, flow }, now) {
      const challenge = await issueChallenge(sql, purpose, { userId, flow }, now);
      const known = userId === null ? [] : await listCredentialIds(sql, userId);
      const verification = purpose === 'passkey-sign-in' ? 'required' : 'preferred';
      return { ...requestOptions(config, challenge, known, verification) };
    },
    async assert(...parameters) {
      const examined = await examine(...parameters);
      return 'reason' in examined ? null : examined;
    },
    async creationOptions(tx, purpose, { owner, isKnown, flow, isSecondFactorOnly = false, data = {} }, now) {
      const userId = isKnown ? owner.id : null;
      const kept = isSecondFactorOnly ? { ...data, second_factor_only: 'yes' } : data;
      const challenge = await issueChallenge(tx, purpose, { userId, flow, data: kept }, now);
      const known = isKnown ? await listCredentialIds(tx, owner.id) : [];
      return { ...creationOptions(config, challenge, owner, known, isSecondFactorOnly) };
    },
    async inspect(response, now) {
      const { inspectCreation } = await import('./creation.ts');
      return inspectCreation(webauthn, response, now);
    },
    async accept(tx, purpose, { challenge, credential, fault }, about, now) {
      const row = await takeChallenge(tx, purpose, challenge, about, now);
      if (credential === null) return refused(fault ?? 'malformed');
      if (row === null) return refused('challenge');
      const { second_factor_only, ...data } = row.data;
      const isSecondFactorOnly = second_factor_only !== undefined;
      // What the browser was asked for proves nothing: what the authenticator signed does (I-019, I-074).
      if (!isSecondFactorOnly && !credential.isUserVerified) return refused('user_verification');
      return { credential, isSecondFactorOnly, data };
    },
    async add(tx, { credential, isSecondFactorOnly }, owner, now) {
      const { isUserVerified: _, ...stored } = credential;
      const row = { id: uuidv7(now), ...owner, ...stored, isSecondFactorOnly, now: new Date(now) };
      return (await insertPasskey(tx, row)) ?? null;
    },
    isRegistered: async (sql, { credential }) => (await findCredential(sql, credential.credentialId)) !== undefined,
  };
}

const refused = (reason: string, userId: string | null = null): Refused => ({ reason, userId });

/** What a credential may be used for, and whose it must be (PK-07). Null: nothing is against it. */
function ownershipFault(
  row: CredentialRow,
  purpose: AssertionPurpose,
  handle: Buffer | null,
  userId: string | null,
): string | null {
  if (userId !== null && row.user_id !== userId) return 'foreign';
  // Who was not named before is named by the authenticator (WebAuthn Level 3, section 7.2, step 6).
  if (handle === null ? userId === null : !handle.equals(handleOf(row.user_id))) return 'user_handle';
  return purpose === 'passkey-sign-in' && row.second_factor_only ? 'second_factor_only' : null;
}

async function issueChallenge(
  sql: Sql,
  purpose: Purpose,
  about: { userId: string | null; flow?: string | undefined; data?: Record<string, string> },
  now: number,
): Promise<string> {
  const { userId, flow, data } = about;
  const subject = { userId, ...(flow === undefined ? {} : { flow }), ...(data === undefined ? {} : { data }) };
  // One INSERT: with or without a transaction around it.
  return issueOneTime(sql as Tx, purpose, { ...subject, value: randomBytes(32).toString('base64url') }, now);
}

/** The one use of a challenge; null where it is not ours, used, over, or was made for something or somebody else. */
async function takeChallenge(
  tx: Tx,
  purpose: Purpose,
  challenge: string | null,
  about: { userId: string | null; flow?: string },
  now: number,
): Promise<OneTimeRow | null> {
  if (challenge === null) return null;
  try {
    const row = await useOneTime(tx, purpose, challenge, now, about.flow ?? null);
    return row.user_id === about.userId ? row : null;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
