import assert from 'node:assert/strict';
import { codeAt, stepAt } from '../../../src/core/factors/index.ts';
import { enrols, type Fact, type Shown, second, stands, stepFor, type Who } from './model.ts';
import { type Action, deviceIn, mode, nothing, passkeyAnswer, type Steps, type Walk } from './walker.ts';

const askFactorChallenge: Action = async (walk) => {
  const asked = walk.now();
  const mfa_token = walk.value('mfa').slice(0, 200);
  const reply = await walk.send('/auth/mfa/passkey-options', { mfa_token }, nothing);
  if (reply.status !== 200) return;
  const fact = walk.facts.get(mfa_token);
  assert.ok(stands(fact, 'mfa', null, asked), 'options for what does not wait');
  walk.know(reply.body.challenge, 'factor challenge', fact.who, { with: mfa_token });
};

const askFactorMail: Action = async (walk) => {
  const asked = walk.now();
  const mfa_token = walk.value('mfa').slice(0, 200);
  const fact = walk.facts.get(mfa_token);
  const reply = await walk.send('/auth/mfa/email', { mfa_token }, nothing);
  if (reply.status !== 202) return;
  assert.ok(stands(fact, 'mfa', null, asked) && fact.who !== null, 'a code for what does not wait');
  fact.code = (await walk.mails('mail-code', fact.who.email))?.code ?? null;
  walk.codes.push(fact.code ?? '');
};

const showFactor: Action = async (walk) => {
  const mfa_token = walk.value('mfa').slice(0, 200);
  const fact = walk.facts.get(mfa_token);
  const factor = factorFor(walk, fact);
  const trust = walk.roll.chance(0.3) ? { trust_device: true } : {};
  const step = { mfa_token, ...trust, ...mode(walk) };
  const shown = shownAs(walk, factor, fact, mfa_token);
  if (shown === null) return;
  const { body, ...claim } = shown;
  const seen: { step: number | null } = { step: null };
  const reply = await walk.send('/auth/mfa', { ...step, ...body }, (from, to) => {
    if (claim.shown.factor === 'totp' && fact?.who) seen.step = stepFor(fact.who, claim.shown.code, from, to);
    return second(fact, claim.shown, from, to);
  });
  if (fact?.kind === 'mfa') fact.tries += 1;
  if (claim.shown.factor === 'passkey' && claim.shown.challenge?.kind === 'factor challenge' && reply.status < 300)
    claim.shown.challenge.isUsed = true;
  if (reply.status !== 200 || fact === undefined) return;
  fact.isUsed = true;
  const who = fact.who as Who;
  if (who.totp !== null && seen.step !== null) who.totp.lastStep = seen.step;
  if (claim.shown.factor === 'recovery_code') who.recoveryCodes.delete(claim.shown.code);
  const trusted = walk.facts.get(deviceIn(reply) ?? '');
  if (trusted !== undefined && trust.trust_device) trusted.isTrusted = true;
};

const enrol: Action = async (walk) => {
  const asked = walk.now();
  const mfa_token = walk.value('enrolment').slice(0, 200);
  const fact = walk.facts.get(mfa_token);
  const begun = await walk.send('/auth/mfa/enroll/totp', { mfa_token }, nothing);
  if (begun.status === 200) {
    assert.ok(stands(fact, 'enrolment', null, asked) && fact.who !== null, 'an enrolment for what waits for none');
    fact.who.totp = { secret: begun.body.secret, lastStep: 0, isConfirmed: false };
  }
  const secret = fact?.who?.totp?.secret;
  const code = walk.code(secret === undefined ? null : codeAt(secret, stepAt(walk.now()))).slice(0, 64) || '123456';
  const seen = { step: 0 };
  const confirmed = await walk.send('/auth/mfa/enroll/totp/confirm', { mfa_token, code }, (from, to) => {
    if (fact?.who) seen.step = stepFor(fact.who, code, from, to) ?? 0;
    return enrols(fact, code, from, to);
  });
  if (fact?.kind === 'enrolment') fact.tries += 1;
  if (confirmed.status !== 200 || !fact?.who?.totp) return;
  fact.isUsed = true;
  Object.assign(fact.who.totp, { isConfirmed: true, lastStep: seen.step });
  fact.who.recoveryCodes = new Set(confirmed.body.recovery_codes);
  for (const one of walk.facts.values()) if (one.kind === 'device' && one.who === fact.who) one.isTrusted = false;
};

/** Mostly one that the account has, and the code that was just sent. */
function factorFor(walk: Walk, fact: Fact | undefined): Shown['factor'] {
  const who = fact?.who ?? null;
  if (fact?.code && walk.roll.chance(0.5)) return 'email';
  const all = ['totp', 'recovery_code', 'email', 'password', 'passkey'] as const;
  const own = all.filter((factor) => {
    if (factor === 'totp') return who?.totp != null;
    if (factor === 'passkey') return who?.passkey != null;
    return factor === 'recovery_code' ? (who?.recoveryCodes.size ?? 0) > 0 : who?.hasMailFactor === true;
  });
  return walk.roll.of(own.length > 0 && walk.roll.chance(0.8) ? own : all);
}

function shownAs(walk: Walk, factor: Shown['factor'], fact: Fact | undefined, token: string) {
  if (factor === 'passkey') {
    const answer = passkeyAnswer(walk, 'factor challenge');
    if (answer === null) return null;
    const shown: Shown = { factor, key: answer.key, challenge: answer.challenge, token };
    return { shown, body: { credential: answer.response } };
  }
  const who = fact?.who ?? walk.someone();
  const right = {
    totp:
      who.totp === null ? null : codeAt(who.totp.secret, stepAt(walk.now()) + walk.roll.of([0, 0, 0, 1, -1, 2, -2])),
    recovery_code: [...who.recoveryCodes][0] ?? null,
    email: fact?.code ?? null,
    password: who.password,
  }[factor];
  if (right !== null) walk.codes.push(right);
  const code = walk.code(right) || '123456';
  const shown: Shown = { factor, code };
  return { shown, body: { factor, code } };
}

export const factorSteps: Steps = {
  askFactorChallenge: [askFactorChallenge, (walk) => Math.min(2, walk.open('mfa'))],
  askFactorMail: [askFactorMail, (walk) => Math.min(2, walk.open('mfa'))],
  showFactor: [showFactor, (walk) => 1 + Math.min(8, 4 * walk.open('mfa'))],
  enrol: [enrol, (walk) => 0.3 + Math.min(2, walk.open('enrolment'))],
};
