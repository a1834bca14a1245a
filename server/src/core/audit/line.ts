import { randomBytes } from 'node:crypto';
import { equal, hmac, sha256 } from '../../lib/bytes.ts';
import { isUuid, uuidv7 } from '../../lib/id.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { AuditEvent } from './event.ts';
import { jsonbText, plain, printable } from './text.ts';

/** A line as it is kept, the JSON columns as the text that the database prints: that text is what is hashed. */
export interface Line {
  id: string;
  at: Date;
  action: string;
  outcome: string;
  actor_type: string;
  actor_id: string | null;
  subject_id: string | null;
  session_id: string | null;
  reason: string | null;
  request_id: string | null;
  detail: string | null;
  personal: string | null;
  personal_salt: Buffer | null;
  personal_hash: Buffer;
}

export interface InboxLine extends Line {
  mac: Buffer | null;
}

export interface SealedLine extends Line {
  seq: number;
  genuine: boolean;
  sealed_at: Date;
  hash: Buffer;
}

const MAC_PURPOSE = 'audit line';
export const GENESIS = Buffer.alloc(32);

/** The row of `audit.inbox` for an event, ready for `jsonb_populate_recordset`. */
export function auditRow(event: AuditEvent, encryption: Pick<Encryption, 'derive'>): Record<string, unknown> {
  const { origin } = event;
  const salt = randomBytes(16);
  const detail = event.detail === undefined ? null : plain(event.detail);
  const personal = plain({
    ...event.personal,
    address: origin.address || undefined,
    user_agent: origin.userAgent || undefined,
  });
  const line: Line = {
    id: uuidv7(origin.now),
    at: new Date(origin.now),
    action: event.action,
    outcome: event.outcome,
    actor_type: event.actor.type,
    actor_id: uuid(event.actor.id),
    subject_id: uuid(event.subject),
    session_id: uuid(event.session),
    reason: short(event.reason),
    request_id: short(origin.requestId),
    detail: detail === null ? null : jsonbText(detail),
    personal: jsonbText(personal),
    personal_salt: salt,
    personal_hash: Buffer.alloc(0),
  };
  line.personal_hash = personalHash(line) as Buffer;
  return {
    ...line,
    at: line.at.toISOString(),
    detail,
    personal,
    personal_salt: hexText(salt),
    personal_hash: hexText(line.personal_hash),
    mac: hexText(macOf(encryption.derive(MAC_PURPOSE)[0] as Buffer, line)),
  };
}

function uuid(id: string | undefined): string | null {
  if (id === undefined) return null;
  const lower = id.toLowerCase();
  if (!isUuid(lower)) throw new Error('an audit event names users and sessions by their UUIDs');
  return lower;
}

function short(text: string | undefined): string | null {
  return text ? printable(text.slice(0, 200)) : null;
}

function hexText(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`;
}

/** What stays of the personal part once it is erased; null where it is erased already, or half of it is. */
export function personalHash(line: Pick<Line, 'personal' | 'personal_salt'>): Buffer | null {
  if (line.personal === null || line.personal_salt === null) return null;
  return sha256(Buffer.concat([line.personal_salt, Buffer.from(line.personal)]));
}

/** False where the personal part was changed; what is wholly erased is intact. */
export function isPersonalIntact(line: Line): boolean {
  if (line.personal === null && line.personal_salt === null) return true;
  return personalHash(line)?.equals(line.personal_hash) ?? false;
}

// An array of scalars: no two different lines give one text.
function bodyOf(line: Line): string {
  return JSON.stringify([
    line.id,
    Number(line.at),
    line.action,
    line.outcome,
    line.actor_type,
    line.actor_id,
    line.subject_id,
    line.session_id,
    line.reason,
    line.request_id,
    line.detail,
    line.personal_hash.toString('hex'),
  ]);
}

function macOf(key: Buffer, line: Line): Buffer {
  return hmac(key, `audit-line/1\n${bodyOf(line)}`);
}

/**
 * Whether this server wrote the line: one that came into the inbox by someone's SQL, or was changed there, is sealed as
 * well (it is evidence), but as not genuine.
 */
export function isGenuine(line: InboxLine, encryption: Pick<Encryption, 'derive'>): boolean {
  const { mac } = line;
  return (
    mac !== null && isPersonalIntact(line) && encryption.derive(MAC_PURPOSE).some((key) => equal(mac, macOf(key, line)))
  );
}

/** The link of the chain: everything of the line but its personal part, which its salted hash stands for. */
export function chainHash(previous: Buffer, line: Line & { seq: number; genuine: boolean; sealed_at: Date }): Buffer {
  const place = JSON.stringify(['audit-chain/1', line.seq, Number(line.sealed_at), line.genuine]);
  return sha256(Buffer.concat([previous, Buffer.from(`${place}\n${bodyOf(line)}`)]));
}
