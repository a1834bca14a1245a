import { isUuid, uuidv7 } from '../../lib/id.ts';
import { Refusal } from '../../lib/refusal.ts';
import { inspectHash } from '../passwords/index.ts';
import { requireEmail, requireName } from '../users/index.ts';
import { FIELDS } from './fields.ts';
import type { UserInsert } from './store.ts';

/** A user who may be imported; the password is still to be judged and hashed. */
export interface Candidate {
  readonly line: number;
  readonly id: string | null;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly picture: string | null;
  readonly locale: string | null;
  readonly roles: readonly string[];
  readonly disabled: boolean;
  readonly createdAt: number | null;
  readonly passwordHash: string | null;
  readonly password: string | null;
}

/** What is wrong with one field; the whole line is left out for it. */
export class FieldFault extends Error {
  readonly field: string | undefined;
  constructor(field: string | undefined, message: string) {
    super(message);
    this.field = field;
  }
}

export interface Judging {
  readonly roles: ReadonlySet<string>;
  mayGrant(role: string): boolean;
  readonly now: number;
}

type Fields = Readonly<Record<string, unknown>>;

const NIL = '00000000-0000-0000-0000-000000000000';
const LOCALE = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/;

/** The user that a line describes; throws a FieldFault. Every rule of a registration holds, whoever imports. */
export function judge(line: number, fields: Fields, judging: Judging): Candidate {
  const stranger = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (stranger !== undefined)
    throw new FieldFault(stranger.slice(0, 60), `is no field; there are ${FIELDS.join(', ')}`);
  const candidate: Candidate = {
    line,
    id: idOf(fields.id),
    email: withRefusal(() => requireEmail(text('email', fields.email, 320) ?? '')),
    emailVerified: flag('email_verified', fields.email_verified),
    name: nameOf(fields.name),
    picture: matching('picture', fields.picture, 2048, /^https:\/\/\P{Cc}+$/u, 'is not an https address'),
    locale: matching('locale', fields.locale, 35, LOCALE, 'is not a language tag, such as en-GB'),
    roles: rolesOf(fields.roles, judging),
    disabled: flag('disabled', fields.disabled),
    createdAt: timeOf(fields.created_at, judging.now),
    passwordHash: hashOf(fields.password_hash),
    password: text('password', fields.password, 1024),
  };
  if (candidate.password !== null && candidate.passwordHash !== null) {
    throw new FieldFault('password', 'stands beside password_hash: one of the two');
  }
  return candidate;
}

/** The user as a row, with the hash that was made of the password. */
export function rowOf(one: Candidate, hash: string | null, now: number): UserInsert {
  const createdAt = new Date(one.createdAt ?? now).toISOString();
  const stamp = new Date(now).toISOString();
  return {
    id: one.id ?? uuidv7(one.createdAt ?? now), // lists are ordered by it, as by the time of creation
    email: one.email,
    email_verified_at: one.emailVerified ? stamp : null,
    name: one.name,
    picture: one.picture,
    locale: one.locale,
    password_hash: hash,
    password_changed_at: hash === null ? null : stamp,
    status: one.disabled ? 'disabled' : 'active',
    created_at: createdAt,
    updated_at: stamp,
    roles: one.roles,
  };
}

function text(field: string, value: unknown, max: number): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new FieldFault(field, 'is not a text');
  if (value.length > max) throw new FieldFault(field, `is longer than ${max} characters`);
  if (!value.isWellFormed() || value.includes('\0'))
    throw new FieldFault(field, 'holds characters that cannot be kept');
  return value;
}

function matching(field: string, value: unknown, max: number, form: RegExp, otherwise: string): string | null {
  const found = text(field, value, max);
  if (found !== null && !form.test(found)) throw new FieldFault(field, otherwise);
  return found;
}

function idOf(value: unknown): string | null {
  const id = text('id', value, 36)?.toLowerCase() ?? null;
  if (id !== null && (!isUuid(id) || id === NIL)) throw new FieldFault('id', 'is not a UUID');
  return id;
}

function nameOf(value: unknown): string | null {
  const name = text('name', value, 100);
  return name === null || name.trim() === '' ? null : withRefusal(() => requireName(name));
}

function withRefusal<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const fault = error instanceof Refusal ? error.options.errors?.[0] : undefined;
    if (fault === undefined) throw error;
    throw new FieldFault(fault.field, fault.message);
  }
}

const FLAGS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false, yes: true, no: false };

function flag(field: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  const read = typeof value === 'string' ? FLAGS[value.trim().toLowerCase()] : undefined;
  if (read === undefined) throw new FieldFault(field, 'is neither true nor false');
  return read;
}

function rolesOf(value: unknown, { roles, mayGrant }: Judging): string[] {
  if (value === undefined || value === null) return [];
  const names: unknown[] =
    typeof value === 'string'
      ? value.split(/[\s,;]+/).filter((name) => name !== '')
      : Array.isArray(value)
        ? value
        : [null];
  for (const name of names) {
    if (typeof name !== 'string') throw new FieldFault('roles', 'is not a list of names');
    if (!roles.has(name))
      throw new FieldFault('roles', `names ${JSON.stringify(name.slice(0, 60))}, which is no role here`);
    if (!mayGrant(name)) throw new FieldFault('roles', `names ${name}, which you may not give`);
  }
  return [...new Set(names as string[])];
}

// With a date and a time zone: `2020-01-02 03:04` would mean another moment on every machine.
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?\s?(Z|[+-]\d\d:?\d\d)$/i;

function timeOf(value: unknown, now: number): number | null {
  if (value === undefined || value === null) return null;
  const at =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && TIME.test(value)
        ? Date.parse(value.replace(' ', 'T'))
        : Number.NaN;
  if (Number.isNaN(at)) throw new FieldFault('created_at', 'is not a time, such as 2024-05-31T08:15:00Z');
  if (at < 0 || at > now + 60_000) throw new FieldFault('created_at', 'is before 1970 or in the future');
  return Math.floor(at);
}

function hashOf(value: unknown): string | null {
  const hash = text('password_hash', value, 1024);
  if (hash === null) return null;
  const inspected = inspectHash(hash);
  if (!inspected.ok) throw new FieldFault('password_hash', inspected.problem);
  return hash;
}
