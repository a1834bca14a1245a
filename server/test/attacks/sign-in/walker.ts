import assert from 'node:assert/strict';
import type { Authenticator } from '../../authenticator.ts';
import type { TestServer } from '../../kit.ts';
import type { Fact, Kind, Verdict, Who } from './model.ts';
import { cookieOf, isSession, type Mail, type Mailbox, post, type Reply } from './tools.ts';

export interface Ground {
  server: TestServer;
  mailbox: Mailbox;
  /** The authenticators of all who have a passkey, by credential. */
  keys: ReadonlyMap<string, Authenticator>;
}

export const NEW_PASSWORD = 'Other-lantern-43-violet';
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

  /** Something of this kind, and mostly what may still be good; else anything at all that was seen on the way. */
  value(kind: Kind): string {
    const all = [...this.facts];
    const fitting = all.filter(([, fact]) => fact.kind === kind);
    const good = fitting.filter(([, fact]) => this.isGood(fact));
    const from = [good, fitting].find((list) => list.length > 0 && this.roll.chance(0.7)) ?? all;
    return from.length === 0 ? 'nothing' : this.roll.of(from)[0];
  }

  private isGood(fact: Fact): boolean {
    return !fact.isUsed && fact.until > this.now() && (fact.who === null || fact.who.era === fact.era);
  }

  /** How many values of this kind there are that may still be good: what can go on mostly does. */
  open(kind: Kind): number {
    return [...this.facts.values()].filter((fact) => fact.kind === kind && this.isGood(fact)).length;
  }

  /** Somebody; mostly the one whom this walk is about. */
  someone(): Who {
    return this.roll.chance(0.6) ? (this.people[0] as Who) : this.roll.of(this.people);
  }

  /** The right code, or one that was seen lately, or any. */
  code(right: string | null): string {
    if (right !== null && this.roll.chance(0.6)) return right;
    return this.roll.of(this.roll.chance(0.6) ? this.codes.slice(-4) : this.codes);
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
    const { refresh_token, access_token } = reply.body;
    const device_token = deviceIn(reply);
    this.know(refresh_token, 'refresh', who);
    this.know(access_token, 'access', who);
    if (device_token !== undefined && !this.facts.has(device_token)) this.know(device_token, 'device', who);
  }
}

export type Action = (walk: Walk) => Promise<void>;
/** What may be tried, and how often it is. */
export type Steps = Record<string, readonly [Action, (walk: Walk) => number]>;

/** The device as which somebody is known from now on: in the body, or in a cookie. */
export function deviceIn(reply: Reply): string | undefined {
  return reply.body?.device_token ?? (cookieOf(reply, 'device').slice('device='.length) || undefined);
}

export const NOTHING: Verdict = { may: 'nothing', who: null, proofs: [], isClaim: false };
export const nothing = (): Verdict => NOTHING;
export const used = (fact: Fact | undefined, reply: Reply): void => {
  if (fact !== undefined && reply.status < 300) fact.isUsed = true;
};
export const mode = (walk: Walk) => (walk.roll.chance(0.2) ? { session: 'cookie' } : {});

/** An answer of somebody's authenticator to some challenge. */
export function passkeyAnswer(walk: Walk, kind: 'sign-in challenge' | 'factor challenge') {
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
