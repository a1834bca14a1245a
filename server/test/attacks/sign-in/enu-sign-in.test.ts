// engines: postgres
// The embedded database and this file's own client would share one thread: what comes after an answer would be measured
// as if it came before.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { someEmail, startServer, type TestServer } from '../../kit.ts';
import { areaUnderCurve, measure } from '../accounts/tools.ts';
import { begin, startHub } from './hub.ts';
import {
  addTotp,
  ask,
  done,
  forgetGuesses,
  type Mailbox,
  post,
  type Reply,
  register,
  someone,
  tapMails,
} from './tools.ts';

let server: TestServer;
let mailbox: Mailbox;
before(async () => {
  server = await startServer({ env: await startHub() });
  mailbox = await tapMails(server);
});

const OWN = new Set(['date', 'x-request-id', 'ratelimit', 'connection', 'keep-alive', 'content-length']);

/** An answer as far as it may tell anything: what is random in it counts by its length alone. */
function essence({ status, headers, text }: Reply): unknown {
  const blank = (value: string): string => value.replace(/[\w-]{40,}/g, (one) => 'x'.repeat(one.length));
  const told = Object.entries(headers).filter(([name]) => !OWN.has(name));
  const body = blank(text.replace(/"request_id":"[^"]*"/, ''));
  return { status, body, headers: told.map(([name, value]) => `${name}: ${blank(String(value))}`).sort() };
}

/** One address of each state that an account can be in. */
async function addresses(): Promise<Record<string, () => Promise<string>>> {
  const known = await someone(server, mailbox);
  const guarded = await someone(server, mailbox);
  await addTotp(server, guarded);
  const disabled = await someone(server, mailbox);
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
  const capped = await someone(server, mailbox);
  const unverified = await register(server);
  for (let n = 0; n < 7; n++) {
    for (const path of ['/auth/magic-link', '/auth/otp']) done(await post(server, path, { email: capped.email }), 202);
  }
  const always = (email: string) => async () => email;
  return {
    known: always(known.email),
    'with a second factor': always(guarded.email),
    disabled: always(disabled.email),
    'capped, that is, written to as often as an address may be': always(capped.email),
    unverified: always(unverified),
    unknown: async () => someEmail(),
  };
}

const flowOf = async (path: string, email: string): Promise<string> =>
  done(await post(server, path, { email }), 202).body.flow;

/** Everything that is asked with an address, or with what was given for one, without having its mailbox. */
const questions: Record<string, (email: string) => Promise<Reply>> = {
  'a magic link': (email) => post(server, '/auth/magic-link', { email, return_to: '/account' }),
  'a code': (email) => post(server, '/auth/otp', { email }),
  'passkey options': (email) => post(server, '/auth/passkeys/options', { email }),
  'passkey options for a sign-up': async (email) => {
    const reply = await post(server, '/auth/passkeys/sign-up/options', { email });
    // What was sent comes back in it, beside an id that is new.
    return { ...reply, text: reply.text.replaceAll(email, 'the address').replace(/"user":\{"id":"[^"]*"/, '"user":{') };
  },
  'a wrong code': async (email) =>
    post(server, '/auth/otp/verify', { flow: await flowOf('/auth/otp', email), code: '000000' }),
  'a wrong code instead of a link': async (email) =>
    post(server, '/auth/magic-link/verify', { flow: await flowOf('/auth/magic-link', email), code: '000000' }),
  'a wrong link': async (email) => {
    const flow = await flowOf('/auth/magic-link', email);
    return post(server, '/auth/magic-link/verify', { flow, token: `ml_${'A'.repeat(43)}` });
  },
  'a wrong password': (email) => post(server, '/auth/login', { email, password: 'Wrong-guess-of-mine-3' }),
};

test('ENU-04 ENU-05 TIM-02 no beginning of a sign-in tells anything of an address: status, headers and body are the same', async (t) => {
  const all = await addresses();
  let answers = 0;
  for (const [question, put] of Object.entries(questions)) {
    const reference = essence(await put(someEmail()));
    for (const [state, email] of Object.entries(all)) {
      for (let time = 0; time < 3; time++) {
        assert.deepEqual(essence(await put(await email())), reference, `${question}, ${state}, time ${time + 1}`);
        answers += 1;
      }
    }
  }
  t.diagnostic(`${answers} answers, ${Object.keys(questions).length} questions, ${Object.keys(all).length} states`);
});

const isSame = (area: number) => area > 0.34 && area < 0.66;

/** Two kinds of address, asked in turns: 0.5 where their times cannot be told apart. */
async function areaBetween(one: () => Promise<unknown>, other: () => Promise<unknown>, rounds = 25): Promise<number> {
  const taken: [number[], number[]] = [[], []];
  await measure(8, [one, other]);
  for (let round = 0; round < rounds; round++) {
    await forgetGuesses(server);
    const [a = [], b = []] = await measure(4, [one, other]);
    taken[0].push(...a);
    taken[1].push(...b);
  }
  return areaUnderCurve(...taken);
}

test('TIM-02 ENU-05 nor does the time: of passkey options, of wrong codes, of wrong passwords beside a second factor', async (t) => {
  const known = await someone(server, mailbox);
  const guarded = await someone(server, mailbox);
  await addTotp(server, guarded);
  const flow = (path: string, email: string) => flowOf(path, email);
  const verify = (path: string, of: string) => post(server, path, { flow: of, code: '000000' });
  const fresh = async (path: string, email: () => string) => {
    // The flows are begun before the clock runs.
    const flows: string[] = [];
    for (let n = 0; n < 120; n++) {
      if (n % 4 === 0) await forgetGuesses(server);
      flows.push(await flow(path, email()));
    }
    return () => verify(`${path}/verify`, flows.pop() ?? 'fl_none');
  };
  const pairs: Record<string, [() => Promise<unknown>, () => Promise<unknown>]> = {
    'passkey options': [
      () => post(server, '/auth/passkeys/options', { email: known.email }),
      () => post(server, '/auth/passkeys/options', { email: someEmail() }),
    ],
    'a wrong code': [await fresh('/auth/otp', () => known.email), await fresh('/auth/otp', () => someEmail())],
    'a wrong password': [
      () => post(server, '/auth/login', { email: guarded.email, password: 'Wrong-guess-of-mine-3' }),
      () => post(server, '/auth/login', { email: known.email, password: 'Wrong-guess-of-mine-3' }),
    ],
  };
  for (const [what, [one, other]] of Object.entries(pairs)) {
    const area = await areaBetween(one, other);
    t.diagnostic(`${what}: ${area.toFixed(3)}`);
    assert.ok(isSame(area), `${what}: told apart by time (${area.toFixed(3)})`);
  }
});

test('ENU-04 a provider’s start takes no hint about anybody', async () => {
  const start = await ask(server, 'GET', '/api/v1/oauth/hub/start?login_hint=somebody');
  assert.equal(start.status, 400);
  const [one, other] = [await begin(server), await begin(server)];
  assert.equal(one.state.length, other.state.length);
});
