import assert from 'node:assert/strict';
import { stands } from './model.ts';
import { ask } from './tools.ts';
import { type Action, NEW_PASSWORD, NOTHING, nothing, type Steps } from './walker.ts';

const forgot: Action = async (walk) => {
  const who = walk.someone();
  await walk.send('/auth/password/forgot', { email: who.email }, nothing);
  const mail = await walk.mails('reset-password', who.email);
  walk.know(mail?.token, 'reset', who);
};

const reset: Action = async (walk) => {
  const asked = walk.now();
  if (walk.roll.chance(0.6)) return; // each one costs a hash, and ends all that was under way
  const token = walk.value('reset').slice(0, 200);
  const fact = walk.facts.get(token);
  const reply = await walk.send('/auth/password/reset', { token, password: NEW_PASSWORD }, nothing);
  if (reply.status !== 204) return;
  assert.ok(stands(fact, 'reset', null, asked) && fact.who !== null, 'a reset by what was no link for it');
  const { who } = fact;
  if (!who.isVerified) {
    Object.assign(who, { totp: null, hasMailFactor: false, passkey: null, recoveryCodes: new Set() });
  }
  Object.assign(who, { password: NEW_PASSWORD, isVerified: true, era: who.era + 1 });
};

const resend: Action = async (walk) => {
  const who = walk.someone();
  await walk.send('/auth/verify-email/resend', { email: who.email }, nothing);
  const mail = await walk.mails('verify-email', who.email);
  walk.know(mail?.token, 'verify', who);
};

const verify: Action = async (walk) => {
  const asked = walk.now();
  const token = walk.value('verify').slice(0, 200);
  const fact = walk.facts.get(token);
  const reply = await walk.send('/auth/verify-email', { token }, nothing);
  if (reply.status !== 200) return;
  assert.ok(stands(fact, 'verify', null, asked) && fact.who !== null, 'verified by what was no link for it');
  fact.who.isVerified = true;
  fact.isUsed = true;
};

const refresh: Action = async (walk) => {
  const token = walk.value('refresh');
  const fact = walk.facts.get(token);
  await walk.send('/auth/refresh', { refresh_token: token }, (from) =>
    fact?.kind === 'refresh' && stands(fact, 'refresh', null, from)
      ? { may: 'session', who: fact.who, proofs: ['refresh'], isClaim: false }
      : NOTHING,
  );
};

/** Anything at all as a bearer token, and as the session cookie. */
const knock: Action = async (walk) => {
  const value = walk.value(walk.roll.of(['mfa', 'access', 'enrolment', 'refresh']));
  const fact = walk.facts.get(value);
  const path = `${walk.ground.server.config.API_PREFIX}/me`;
  const sent = walk.roll.chance(0.5) ? { bearer: value } : { cookie: `session=${value}` };
  const reply = await ask(walk.ground.server, 'GET', path, sent);
  walk.trail.push(`/me by ${fact?.kind} -> ${reply.status}`);
  if (reply.status === 401) return;
  assert.ok(
    reply.status === 200 && fact?.kind === 'access' && fact.who?.id === reply.body.id,
    `${value}: ${reply.text}`,
  );
};

const wait: Action = async (walk) => {
  // Time is everybody's.
  if (walk.roll.chance(0.5)) walk.ground.server.clock.advance(walk.roll.of([30, 30, 30, 61, 301, 601]));
};

export const accountSteps: Steps = {
  forgot: [forgot, () => 0.6],
  reset: [reset, (walk) => 0.2 + Math.min(1, walk.open('reset'))],
  resend: [resend, () => 0.4],
  verify: [verify, (walk) => 0.2 + Math.min(1, walk.open('verify'))],
  refresh: [refresh, () => 0.7],
  knock: [knock, () => 1],
  wait: [wait, () => 1],
};
