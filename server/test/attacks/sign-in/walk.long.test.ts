// engines: postgres
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { before, test } from 'node:test';
import type { Authenticator } from '../../authenticator.ts';
import { startServer, type TestServer } from '../../kit.ts';
import { figures, isLong } from '../../processes.ts';
import { codeFor, comeBack, begin, someVisitor, startHub } from './hub.ts';
import type { Who } from './model.ts';
import { addMailFactor, addPasskey, addTotp, done, forgetGuesses, type Mailbox, post, register, someone, tapMails } from './tools.ts';
import { dice, type Ground, Walk } from './walker.ts';
import { PASSWORD } from '../../kit.ts';

const WALKS = isLong ? 10_000 : 1_000;
const STEPS = 14;
const COPIES = 2;

let server: TestServer;
let mailbox: Mailbox;
let ground: Ground;
const keys = new Map<string, Authenticator>();
const pool: Who[] = [];

const KINDS = ['none', 'totp', 'passkey', 'mail', 'all', 'unverified', 'disabled', 'policy', 'linked'] as const;

async function person(kind: (typeof KINDS)[number]): Promise<Who> {
  const blank = { password: PASSWORD, isVerified: true, isActive: true, totp: null, hasMailFactor: false, passkey: null };
  const rest = { recoveryCodes: new Set<string>(), mustEnrol: kind === 'policy', visitors: new Set<number>(), era: 0 };
  if (kind === 'unverified') {
    const email = await register(server);
    const [row] = await server.db.query<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email]);
    return { id: row?.id as string, email, ...blank, ...rest, isVerified: false };
  }
  const one = await someone(server, mailbox);
  const who: Who = { id: one.id, email: one.email, ...blank, ...rest };
  if (kind === 'mail' || kind === 'all') {
    who.recoveryCodes = new Set((await addMailFactor(server, mailbox, one)).recoveryCodes);
    who.hasMailFactor = true;
  }
  if (kind === 'totp' || kind === 'disabled' || kind === 'all') {
    if (kind === 'all') return withPasskey(who, one);
    const { secret, recoveryCodes } = await addTotp(server, one);
    who.totp = { secret, lastStep: 0, isConfirmed: true };
    who.recoveryCodes = new Set(recoveryCodes);
  }
  if (kind === 'passkey') return withPasskey(who, one);
  if (kind === 'linked') {
    const visitor = someVisitor(one.email);
    done(await comeBack(server, await begin(server), codeFor(visitor)), 200);
    who.visitors.add(visitor.id);
  }
  return who;
}
