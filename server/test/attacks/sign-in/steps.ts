import assert from 'node:assert/strict';
import { PASSWORD } from '../../kit.ts';
import { codeFor } from './hub.ts';
import { type Fact, first, stands } from './model.ts';
import { accountSteps } from './steps-account.ts';
import { factorSteps } from './steps-factor.ts';
import { ask } from './tools.ts';
import {
  type Action,
  mode,
  NEW_PASSWORD,
  NOTHING,
  nothing,
  passkeyAnswer,
  type Steps,
  used,
  type Walk,
} from './walker.ts';

const device = (walk: Walk): { device_token?: string } =>
  walk.roll.chance(0.45) ? { device_token: walk.value('device').slice(0, 100) } : {};
const deviceOf = (walk: Walk, { device_token }: { device_token?: string }): Fact | undefined =>
  device_token === undefined ? undefined : walk.facts.get(device_token);

const password: Action = async (walk) => {
  const { email, password: right } = walk.someone();
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
  const who = walk.someone();
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
  const who = walk.someone();
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

const atProvider: Action = async (walk) => {
  const { server } = walk.ground;
  const who = walk.someone();
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

const all: Steps = {
  password: [password, () => 2],
  askLink: [askLink, () => 1],
  useLink: [useLink, (walk) => 0.5 + Math.min(3, 2 * walk.open('magic-link'))],
  showLink: [showLink, (walk) => 0.2 + Math.min(1, walk.open('magic-link'))],
  typeShown: [typeCode('/auth/magic-link/verify', 'magic-code'), (walk) => 0.4 + Math.min(2, walk.open('magic-code'))],
  askCode: [askCode, () => 1],
  typeCode: [typeCode('/auth/otp/verify', 'mail-code'), (walk) => 0.5 + Math.min(3, 2 * walk.open('mail-code'))],
  askChallenge: [askChallenge, () => 0.7],
  usePasskey: [usePasskey, (walk) => 0.3 + Math.min(2, 2 * walk.open('sign-in challenge'))],
  atProvider: [atProvider, () => 1.5],
  ...factorSteps,
  ...accountSteps,
};

/** What is tried next: anything, but mostly what there is something for. */
export function nextStep(walk: Walk): Action {
  const weighed = Object.values(all).map(([act, weight]) => [act, weight(walk)] as const);
  let left = (walk.roll.below(1_000_000) / 1_000_000) * weighed.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [act, weight] of weighed) {
    left -= weight;
    if (left < 0) return act;
  }
  return password;
}
