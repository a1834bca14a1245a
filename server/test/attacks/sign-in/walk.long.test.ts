// engines: postgres
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { before, test } from 'node:test';
import type { Authenticator } from '../../authenticator.ts';
import { PASSWORD, startServer, type TestServer } from '../../kit.ts';
import { figures, isLong } from '../../processes.ts';
import { someVisitor, startHub } from './hub.ts';
import type { Who } from './model.ts';
import { nextStep } from './steps.ts';
import {
  addMailFactor,
  addPasskey,
  addTotp,
  forgetGuesses,
  type Mailbox,
  type Person,
  register,
  someone,
  tapMails,
} from './tools.ts';
import { dice, Walk } from './walker.ts';

const WALKS = isLong ? 10_000 : Number(process.env.WALKS ?? 300);
const LENGTH = 16;
/** Walks at the same time, each over people of its own. */
const LANES = 3;
const KINDS = ['none', 'totp', 'passkey', 'mail', 'all', 'unverified', 'disabled', 'policy'] as const;

let server: TestServer;
let mailbox: Mailbox;
const keys = new Map<string, Authenticator>();
const pools: Who[][] = Array.from({ length: LANES }, () => []);

before(async () => {
  server = await startServer({ env: { REQUIRE_MFA: 'guarded', ...(await startHub()) } });
  mailbox = await tapMails(server);
  await server.db.execute("INSERT INTO auth.roles (name) VALUES ('guarded')");
  for (const pool of pools) for (const kind of KINDS) pool.push(await person(kind));
  await keepAsTheyAre();
});

async function person(kind: (typeof KINDS)[number]): Promise<Who> {
  const isVerified = kind !== 'unverified';
  const one = isVerified ? await someone(server, mailbox) : { email: await register(server) };
  const [row] = await server.db.query<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [one.email]);
  const who: Who = {
    id: row?.id as string,
    email: one.email,
    password: PASSWORD,
    isVerified,
    isActive: kind !== 'disabled',
    totp: null,
    hasMailFactor: false,
    passkey: null,
    recoveryCodes: new Set(),
    mustEnrol: kind === 'policy',
    visitor: someVisitor(one.email).id,
    era: 0,
  };
  if (isVerified) await equip(who, one as Person, kind);
  if (kind === 'policy') {
    await server.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'guarded')", [who.id]);
  }
  if (kind === 'disabled') await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [who.id]);
  return who;
}

async function equip(who: Who, one: Person, kind: (typeof KINDS)[number]): Promise<void> {
  if (['totp', 'all', 'disabled'].includes(kind)) {
    const { secret, recoveryCodes } = await addTotp(server, one);
    who.totp = { secret, lastStep: 0, isConfirmed: true };
    who.recoveryCodes = new Set(recoveryCodes);
  }
  if (['mail', 'all'].includes(kind)) {
    const { recoveryCodes } = await addMailFactor(server, mailbox, one);
    if (recoveryCodes.length > 0) who.recoveryCodes = new Set(recoveryCodes);
    who.hasMailFactor = true;
  }
  if (['passkey', 'all'].includes(kind)) {
    const { key, recoveryCodes } = await addPasskey(server, one);
    if (recoveryCodes.length > 0) who.recoveryCodes = new Set(recoveryCodes);
    who.passkey = key.credentialId.toString('base64url');
    keys.set(who.passkey, key);
  }
}

const OWN = ['totp', 'recovery_codes', 'passkeys', 'identities', 'devices', 'sessions', 'one_time_tokens'];

/** What a walk does to an account is undone in one go: an account of its own for each would take a hundred times as long. */
async function keepAsTheyAre(): Promise<void> {
  await server.db.execute('CREATE SCHEMA kept');
  await server.db.execute('CREATE TABLE kept.users AS SELECT * FROM auth.users');
  for (const table of OWN) await server.db.execute(`CREATE TABLE kept.${table} AS SELECT * FROM auth.${table}`);
  const again = OWN.map(
    (table) => `DELETE FROM auth.${table} WHERE user_id = ANY(ids);
      INSERT INTO auth.${table} SELECT * FROM kept.${table} WHERE user_id = ANY(ids) AND '${table}' <> 'one_time_tokens';`,
  );
  await server.db.execute(
    `CREATE FUNCTION public.as_they_were(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
       ${again.join('\n')}
       UPDATE auth.users u SET password_hash = k.password_hash, password_changed_at = k.password_changed_at,
           email_verified_at = k.email_verified_at, mail_factor_at = k.mail_factor_at, factor_due_at = k.factor_due_at
         FROM kept.users k WHERE k.id = u.id AND u.id = ANY(ids);
       -- What another walk holds at this moment is left to it: two that wait for each other would be a deadlock.
       DELETE FROM auth.guards g USING (SELECT ctid FROM auth.guards FOR UPDATE SKIP LOCKED) free WHERE g.ctid = free.ctid;
     END $$`,
  );
}

const copyOf = (who: Who): Who => ({
  ...who,
  totp: who.totp === null ? null : { ...who.totp },
  recoveryCodes: new Set(who.recoveryCodes),
});

async function walkOnce(seed: number, pool: readonly Who[], tally: Record<string, number>): Promise<void> {
  const roll = dice(seed ^ 0x5bd1e995);
  const people = new Map<string, Who>();
  while (people.size < 2) {
    const who = roll.of(pool);
    people.set(who.id, copyOf(who));
  }
  await server.db.query('SELECT public.as_they_were($1::uuid[])', [[...people.keys()]]);
  server.clock.advance(90); // no code of the walk before is one of this
  const walk = new Walk({ server, mailbox, keys }, [...people.values()], seed, tally);
  try {
    for (let step = 0; step < LENGTH; step++) await nextStep(walk)(walk);
  } catch (error) {
    throw new Error(`walk ${seed} went wrong: ${(error as Error).message}\n${walk.trail.join('\n')}`, { cause: error });
  }
}

test(`FL-01 in ${WALKS} random walks nobody gets a session without having shown, in that very flow, what it takes`, async (t) => {
  await forgetGuesses(server);
  const start = Number(process.env.WALK_SEED ?? (isLong ? randomInt(2 ** 31) : 20_261_123));
  const tally: Record<string, number> = {};
  await Promise.all(
    pools.map(async (pool, lane) => {
      for (let walk = lane; walk < WALKS; walk += LANES) await walkOnce(start + walk, pool, tally);
    }),
  );
  figures(t, { walks: WALKS, 'first seed': start, ...tally });
  // A walk that gets nowhere would prove nothing: every way in was found, and found often.
  for (const way of ['pwd', 'email', 'fed', 'both', 'pwd+second', 'email+second', 'fed+second', 'refresh']) {
    assert.ok(
      WALKS < 1_000 || (tally[`in by ${way}`] ?? 0) >= WALKS / 500,
      `nobody came in by ${way}: ${JSON.stringify(tally)}`,
    );
  }
});
