// engines: postgres
// Some thousand requests, which end at the same statements on either engine.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { refusalCatalogue } from '../../../src/lib/refusal.ts';
import { startServer } from '../../kit.ts';
import { doors, guardedDoors } from './doors.ts';
import { startHub } from './hub.ts';
import { kinds } from './kinds.ts';
import { holder, type World } from './purposes.ts';
import { forgetGuesses, isSession, tapMails } from './tools.ts';

let world: World;
before(async () => {
  // A reset of factors waits, so that there is something to veto; `guarded` accounts must enrol a factor.
  const server = await startServer({ env: { MFA_RESET_DELAY: '24h', REQUIRE_MFA: 'guarded', ...(await startHub()) } });
  world = { server, mailbox: await tapMails(server) };
});

const CODES = new Set<string>(refusalCatalogue().map((one) => one.code));
let cells = 0;

describe('XPURP FL-00 each kind of value sent to every place that takes one', () => {
  for (const [name, make] of Object.entries(kinds)) {
    test(`I-009 ${name} opens its own door and no other, and is not used up by being tried elsewhere`, async () => {
      const owner = await holder(world);
      const specimen = { ...(await make(world, owner)), holder: owner };
      for (const [where, send] of Object.entries({ ...doors, ...guardedDoors(world) })) {
        if (specimen.takenAt.some((own) => where.includes(own))) continue;
        await forgetGuesses(world.server);
        const reply = await send(world, specimen);
        cells += 1;
        const what = `${name} at ${where}: ${reply.status} ${reply.text}`;
        assert.ok(reply.status >= 400 && reply.status < 500, what);
        assert.ok(CODES.has(reply.body?.code), what);
        assert.ok(!isSession(reply) && reply.cookies.every((line) => line.includes('Max-Age=0')), what);
      }
      await forgetGuesses(world.server);
      const own = await specimen.use();
      assert.ok([200, 201, 202, 204].includes(own.status), `${name} at its own: ${own.status} ${own.text}`);
    });
  }

  test('the size of the matrix', (t) => {
    const columns = Object.keys(doors).length + Object.keys(guardedDoors(world)).length;
    t.diagnostic(`matrix: ${Object.keys(kinds).length} kinds, ${columns} places, ${cells} cells off the diagonal`);
    assert.ok(cells > 3000, `${cells}`);
  });
});

/** What a request may carry that is neither a one-time value nor a credential. */
const PLAIN = new Set(
  `email name session locale picture return_to factor trust_device type user_verification limit cursor query status role verified
   sort roles email_verified reason description permissions flags subject dry_run strict format hashes user actor action outcome
   address request_id from to new_password except_current code_challenge code_challenge_method iss error immediately`.split(
    /\s+/,
  ),
);
/** Parts of a passkey's response: the door is its `credential`. */
const OF_A_PASSKEY = new Set('id rawId response clientExtensionResults authenticatorAttachment'.split(' '));
/** A password that is chosen, not shown. */
const CHOSEN = new Set(['/auth/register', '/auth/password/reset', '/setup']);

function fieldsOf(shape: unknown): string[] {
  const { properties = {}, anyOf = [], allOf = [] } = (shape ?? {}) as Record<string, never>;
  return [...Object.keys(properties), ...[...(anyOf as unknown[]), ...(allOf as unknown[])].flatMap(fieldsOf)];
}

test('every field of every route is a door of the matrix, or reviewed as none: a new one fails here first', () => {
  const { routes } = world.server.app.house;
  const missing: string[] = [];
  for (const { method, url, schema } of routes) {
    const path = url.replace(world.server.config.API_PREFIX, '');
    for (const field of new Set([...fieldsOf(schema.body), ...fieldsOf(schema.querystring)])) {
      if (PLAIN.has(field) || (field === 'password' && CHOSEN.has(path))) continue;
      if (field === 'device_token') continue; // one reading for all (deviceTokenOf), tried at the login
      const door = `${method} ${path} ${OF_A_PASSKEY.has(field) ? 'credential' : field}`;
      if (!Object.keys(doors).some((one) => one === door || one.startsWith(`${door} `))) missing.push(door);
    }
  }
  assert.deepEqual([...new Set(missing)], [], 'fields without a door');
});
