import assert from 'node:assert/strict';
import { codeAt, stepAt } from '../../../src/core/factors/index.ts';
import type { Authenticator } from '../../authenticator.ts';
import { PASSWORD, type TestServer } from '../../kit.ts';
import { codeFor } from './hub.ts';
import {
  enrols,
  type Fact,
  first,
  type Kind,
  type Shown,
  second,
  stands,
  stepFor,
  type Verdict,
  type Who,
} from './model.ts';
import { ask, isSession, type Mail, type Mailbox, post, type Reply } from './tools.ts';

export interface Ground {
  server: TestServer;
  mailbox: Mailbox;
  /** The authenticators of all who have a passkey, by credential. */
  keys: ReadonlyMap<string, Authenticator>;
}

const NEW_PASSWORD = 'Other-lantern-43-violet';
const LIFETIMES: Record<Kind, number> = {
  mfa: 600,
  enrolment: 1800,
  'magic-link': 600,
  'magic-code': 600,
  'mail-code': 600,
  'sign-in challenge': 300,
  'factor challenge': 300,
  state: 600,
  'provider-code': 60,
  reset: 3600,
  verify: 24 * 3600,
  device: 180 * 24 * 3600,
  refresh: 30 * 24 * 3600,
  access: 24 * 3600,
};

/** A seeded source of chance (mulberry32): a walk that fails can be walked again. */
export function dice(seed: number) {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    chance: (share: number) => next() < share,
    of: <T>(list: readonly T[]): T => list[below(list.length)] as T,
  };
}

/** One walk: whatever was collected on the way is tried wherever it might fit, and the model judges each answer. */
export class Walk {
  readonly facts = new Map<string, Fact>();
  readonly codes: string[] = ['123456', '000000'];
  readonly trail: string[] = [];
  readonly tally: Record<string, number>;
  readonly ground: Ground;
  readonly people: readonly Who[];
  readonly roll: ReturnType<typeof dice>;

  constructor(ground: Ground, people: readonly Who[], seed: number, tally: Record<string, number>) {
    this.ground = ground;
    this.people = people;
    this.roll = dice(seed);
    this.tally = tally;
  }

  now(): number {
    return this.ground.server.clock.now();
  }

  async step(): Promise<void> {
    const steps = Object.values(actions);
    await this.roll.of(steps)(this);
  }

  /** Something of this kind, mostly; else anything at all that was seen on the way. */
  value(kind: Kind): string {
    const fitting = [...this.facts].filter(([, fact]) => fact.kind === kind);
    const all = this.roll.chance(0.75) && fitting.length > 0 ? fitting : [...this.facts];
    return all.length === 0 ? 'nothing' : this.roll.of(all)[0];
  }

  code(right: string | null): string {
    return right !== null && this.roll.chance(0.7) ? right : this.roll.of(this.codes);
  }

  know(value: string | undefined, kind: Kind, who: Who | null, more: Partial<Fact> = {}): void {
    if (value === undefined) return;
    const until = this.now() + LIFETIMES[kind] * 1000;
    const blank = { with: null, proofs: [], isUsed: false, tries: 0, code: null, isTrusted: false };
    this.facts.set(value, { ...blank, kind, who, era: who?.era ?? 0, until, ...more });
    if (more.code) this.codes.push(more.code);
  }

  of(email: string): Who | null {
    return this.people.find((one) => one.email === email) ?? null;
  }

  mails(template: string, email: string): Promise<Mail | undefined> {
    return this.ground.mailbox.newest(template, email);
  }

  /** Sends a request, and holds its answer against what may come of it. */
  async send(path: string, body: object, judge: (from: number, to: number) => Verdict): Promise<Reply> {
    const from = this.now();
    const reply = await post(this.ground.server, path, body);
    this.check(path, body, reply, judge(from, this.now() + 50));
    return reply;
  }

  check(path: string, body: unknown, reply: Reply, verdict: Verdict): void {
    const status = reply.body?.status;
    this.trail.push(
      `${path} ${JSON.stringify(body)} -> ${reply.status} ${reply.body?.code ?? status} (may ${verdict.may})`,
    );
    const what = () => `${verdict.may} for ${verdict.who?.email ?? 'nobody'}, but ${reply.text}`;
    assert.ok(reply.status < 500, what());
    this.tally.requests = (this.tally.requests ?? 0) + 1;
    if (isSession(reply)) {
      assert.ok(verdict.may === 'session' && verdict.who?.id === reply.body.user.id, what());
      this.entered(reply, verdict);
    } else if (status === 'mfa_required' || status === 'mfa_enrollment_required') {
      const allowed = status === 'mfa_required' ? ['wait'] : ['enrol'];
      assert.ok(allowed.includes(verdict.may), what());
      this.proven(verdict);
      const who = verdict.who as Who;
      const kind = status === 'mfa_required' ? 'mfa' : 'enrolment';
      this.know(reply.body.mfa_token, kind, who, { proofs: verdict.proofs });
    } else if (verdict.may !== 'nothing')
      this.tally['refused though right'] = (this.tally['refused though right'] ?? 0) + 1;
  }

  private proven({ who, isClaim }: Verdict): void {
    if (who === null || !isClaim) return;
    Object.assign(who, { isVerified: true, password: null, totp: null, hasMailFactor: false, passkey: null });
    who.recoveryCodes = new Set();
    who.era += 1;
  }

  private entered(reply: Reply, verdict: Verdict): void {
    this.proven(verdict);
    const way = `in by ${verdict.proofs.join('+')}`;
    this.tally[way] = (this.tally[way] ?? 0) + 1;
    const { who } = verdict;
    const { refresh_token, access_token, device_token } = reply.body;
    this.know(refresh_token, 'refresh', who);
    this.know(access_token, 'access', who);
    if (device_token !== undefined && !this.facts.has(device_token)) this.know(device_token, 'device', who);
  }
}

type Action = (walk: Walk) => Promise<void>;
const used = (fact: Fact | undefined, reply: Reply): void => {
  if (fact !== undefined && reply.status < 300) fact.isUsed = true;
};
const device = (walk: Walk): { device_token?: string } =>
  walk.roll.chance(0.3) ? { device_token: walk.value('device').slice(0, 100) } : {};
const mode = (walk: Walk) => (walk.roll.chance(0.2) ? { session: 'cookie' } : {});

const password: Action = async (walk) => {
  const { email, password: right } = walk.roll.of(walk.people);
  const body = {
    email,
    password: walk.roll.chance(0.8) ? (right ?? PASSWORD) : NEW_PASSWORD,
    ...device(walk),
    ...mode(walk),
  };
  await walk.send('/auth/login', body, (from) => {
    const who = walk.of(email);
    const known = body.device_token === undefined ? undefined : walk.facts.get(body.device_token);
    return first(who?.password === body.password ? who : null, ['pwd'], known, from);
  });
};

const askLink: Action = async (walk) => {
  const who = walk.roll.of(walk.people);
  const reply = await walk.send('/auth/magic-link', { email: who.email }, nothing);
  const mail = await walk.mails('magic-link', who.email);
  walk.know(mail?.token, 'magic-link', who, { with: reply.body.flow });
  // Its flow is a value as well, which may be tried as anything.
  if (!walk.facts.has(reply.body.flow)) walk.know(reply.body.flow, 'magic-code', null, { isUsed: true });
};

const useLink: Action = async (walk) => {
  const token = walk.value('magic-link').slice(0, 200);
  const fact = walk.facts.get(token);
  const flow = walk.roll.chance(0.7) && fact?.with ? fact.with : walk.value('magic-code').slice(0, 200);
  const body = { token, flow, ...device(walk), ...mode(walk) };
  const reply = await walk.send('/auth/magic-link/verify', body, (from) =>
    stands(fact, 'magic-link', flow, from) ? first(fact.who, ['email'], deviceOf(walk, body), from) : NOTHING,
  );
  used(fact, reply);
};

const showLink: Action = async (walk) => {
  const asked = walk.now();
  const token = walk.value('magic-link').slice(0, 200);
  const fact = walk.facts.get(token);
  const reply = await walk.send('/auth/magic-link/code', { token }, nothing);
  if (reply.status !== 200) return;
  assert.ok(fact !== undefined && stands(fact, 'magic-link', fact.with, asked), 'a code for what was no link');
  fact.isUsed = true;
  walk.know(fact.with as string, 'magic-code', fact.who, { code: reply.body.code, until: fact.until, era: fact.era });
};

const typeCode =
  (path: string, kind: 'magic-code' | 'mail-code'): Action =>
  async (walk) => {
    const flow = walk.value(kind).slice(0, 200);
    const fact = walk.facts.get(flow);
    const body = { flow, code: walk.code(fact?.code ?? null), ...device(walk), ...mode(walk) };
    const reply = await walk.send(path, body, (from) =>
      stands(fact, kind, null, from) && fact.tries < 5 && fact.code === body.code
        ? first(fact.who, ['email'], deviceOf(walk, body), from)
        : NOTHING,
    );
    if (fact?.kind === kind) fact.tries += 1;
    used(fact, reply);
  };

const askCode: Action = async (walk) => {
  const who = walk.roll.of(walk.people);
  const reply = await walk.send('/auth/otp', { email: who.email }, nothing);
  const mail = await walk.mails('mail-code', who.email);
  walk.know(reply.body.flow, 'mail-code', who, { code: mail?.code ?? null });
};

const askChallenge: Action = async (walk) => {
  const reply = await walk.send('/auth/passkeys/options', {}, nothing);
  walk.know(reply.body.challenge, 'sign-in challenge', null);
};

const usePasskey: Action = async (walk) => {
  const answer = passkeyAnswer(walk, 'sign-in challenge');
  if (answer === null) return;
  const reply = await walk.send('/auth/passkeys/verify', { ...answer.response, ...mode(walk) }, (from) => {
    const who = walk.people.find((one) => one.passkey === answer.key) ?? null;
    return stands(answer.challenge, 'sign-in challenge', null, from) ? first(who, ['both'], undefined, from) : NOTHING;
  });
  if (answer.challenge?.kind === 'sign-in challenge' || reply.status < 300) answer.challenge.isUsed = true;
};

function passkeyAnswer(walk: Walk, kind: 'sign-in challenge' | 'factor challenge') {
  const owners = walk.people.flatMap(({ passkey }) => (passkey === null ? [] : [passkey]));
  const value = walk.value(kind);
  const challenge = walk.facts.get(value);
  if (owners.length === 0 || challenge === undefined) return null;
  const key = walk.roll.of(owners);
  return {
    key,
    challenge,
    response: walk.ground.keys.get(key)?.get({ challenge: value, rpId: 'localhost' }) as object,
  };
}

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
  const factor = walk.roll.of(['totp', 'totp', 'recovery_code', 'email', 'password', 'passkey'] as const);
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
  const trusted = walk.facts.get(reply.body.device_token ?? '');
  if (trusted !== undefined && trust.trust_device) trusted.isTrusted = true;
};

function shownAs(walk: Walk, factor: Shown['factor'], fact: Fact | undefined, token: string) {
  if (factor === 'passkey') {
    const answer = passkeyAnswer(walk, 'factor challenge');
    if (answer === null) return null;
    const shown: Shown = { factor, key: answer.key, challenge: answer.challenge, token };
    return { shown, body: { credential: answer.response } };
  }
  const who = fact?.who ?? walk.roll.of(walk.people);
  const right = {
    totp: who.totp === null ? null : codeAt(who.totp.secret, stepAt(walk.now()) + walk.roll.below(5) - 2),
    recovery_code: [...who.recoveryCodes][0] ?? null,
    email: fact?.code ?? null,
    password: who.password,
  }[factor];
  if (right !== null) walk.codes.push(right);
  const code = walk.code(right) || '123456';
  const shown: Shown = { factor, code };
  return { shown, body: { factor, code } };
}

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
  const confirmed = await walk.send('/auth/mfa/enroll/totp/confirm', { mfa_token, code }, (from, to) =>
    enrols(fact, code, from, to),
  );
  if (fact?.kind === 'enrolment') fact.tries += 1;
  if (confirmed.status !== 200 || !fact?.who?.totp) return;
  fact.isUsed = true;
  Object.assign(fact.who.totp, { isConfirmed: true, lastStep: stepAt(walk.now()) });
  fact.who.recoveryCodes = new Set(confirmed.body.recovery_codes);
  for (const one of walk.facts.values()) if (one.kind === 'device' && one.who === fact.who) one.isTrusted = false;
};

const atProvider: Action = async (walk) => {
  const { server } = walk.ground;
  const who = walk.roll.of(walk.people);
  const begun = await ask(server, 'GET', `${server.config.API_PREFIX}/oauth/hub/start`);
  const state = new URL(begun.headers.location as string).searchParams.get('state') as string;
  walk.know(state, 'state', null, { with: begun.cookies[0]?.split(';')[0] ?? '' });
  const tried = walk.value('state').slice(0, 200);
  const fact = walk.facts.get(tried);
  const cookie = walk.roll.chance(0.8)
    ? fact?.with
    : [...walk.facts.values()].findLast((one) => one.kind === 'state')?.with;
  const query = new URLSearchParams({ state: tried, code: codeFor({ id: who.visitor, email: who.email }) });
  const from = walk.now();
  const reply = await ask(server, 'GET', `/auth/callback/hub?${query}`, cookie ? { cookie } : {});
  const verdict = stands(fact, 'state', cookie ?? '', from) ? first(who, ['fed'], undefined, from) : NOTHING;
  walk.check('/auth/callback/hub', { state: tried, who: who.email }, reply, verdict);
  if (fact?.kind === 'state' && fact.with === cookie) fact.isUsed = true;
};

const forgot: Action = async (walk) => {
  const who = walk.roll.of(walk.people);
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
  const who = walk.roll.of(walk.people);
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

const deviceOf = (walk: Walk, { device_token }: { device_token?: string }): Fact | undefined =>
  device_token === undefined ? undefined : walk.facts.get(device_token);
const NOTHING: Verdict = { may: 'nothing', who: null, proofs: [], isClaim: false };
const nothing = (): Verdict => NOTHING;

const actions: Record<string, Action> = {
  password,
  askLink,
  useLink,
  showLink,
  typeShown: typeCode('/auth/magic-link/verify', 'magic-code'),
  askCode,
  typeCode: typeCode('/auth/otp/verify', 'mail-code'),
  askChallenge,
  usePasskey,
  askFactorChallenge,
  askFactorMail,
  showFactor,
  showFactorAgain: showFactor,
  showFactorOnceMore: showFactor,
  enrol,
  atProvider,
  forgot,
  reset,
  resend,
  verify,
  refresh,
  knock,
  wait,
};
