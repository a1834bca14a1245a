import type { Config } from '../../config/config.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { Logger } from '../../platform/log.ts';
import { type Mail, type Mailbox, MailFailure, type MailTransport } from '../../platform/mail/mail.ts';
import type { Circuit } from './circuit.ts';
import { openPayload } from './row.ts';
import { type ClaimedMail, giveUp, postpone, release, remove } from './store.ts';
import { renderMail } from './templates/render.ts';

export interface OutboxDeps {
  db: Db;
  encryption: Encryption;
  transport: MailTransport;
  config: Pick<Config, 'EMAIL_FROM'>;
  clock: Clock;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  metrics: OutboxMetrics;
}

export interface OutboxMetrics {
  /** One more mail was sent, put off, or given up. */
  mailSettled(template: string, outcome: 'sent' | 'retried' | 'failed'): void;
  /** How long a sent mail had waited. */
  mailDelay(seconds: number): void;
}

/** A claimed mail, and until when it is this process's. */
export interface Held {
  mail: ClaimedMail;
  claim: string;
  leasedUntil: number;
}

export interface Delivery {
  deps: OutboxDeps;
  from: Mailbox;
  circuit: Circuit;
  /** Aborted when the process cannot wait for mails under way any longer. */
  cut: AbortSignal;
  /** Sent, but the database could not be told yet: not to be sent again by this process. */
  accepted: Set<string>;
}

const SLOWEST_SEND_MS = 120_000;
const GIVE_UP_AFTER_MS = 72 * 3_600_000;
const GIVE_UP_RENDERING_AFTER = 12;

/** One claimed mail: sent and deleted, put off, given up, or handed back where the server is away. */
export async function deliver(delivery: Delivery, held: Held): Promise<void> {
  const { db, clock, metrics } = delivery.deps;
  const { mail: row, claim } = held;
  if (row.template === 'nobody') return remove(db, row.id);
  if (!delivery.accepted.has(row.id)) {
    let mail: Mail;
    try {
      mail = compose(delivery, row);
    } catch {
      // A key that is missing or a template that only a newer process knows may yet come; a fault of ours does not mend.
      return putOff(delivery.deps, held, 'ERENDER', row.attempts + 1 >= GIVE_UP_RENDERING_AFTER);
    }
    try {
      await send(delivery, mail, row.attempts);
    } catch (error) {
      // Cut off in the middle: whether it was accepted nobody knows; the lease runs out and another try follows.
      if (delivery.cut.aborted) return;
      const kind = error instanceof MailFailure ? error.kind : 'deferred';
      if (kind === 'unreachable' && (await delivery.circuit.serverIsAway())) return release(db, claim, [row.id]);
      return putOff(delivery.deps, held, reasonOf(error), kind === 'rejected');
    }
    delivery.accepted.add(row.id);
    metrics.mailSettled(row.template, 'sent');
    metrics.mailDelay((clock.now() - row.created_at.getTime()) / 1000);
  }
  await remove(db, row.id);
  delivery.accepted.delete(row.id);
}

function compose({ deps, from }: Delivery, row: ClaimedMail): Mail {
  const outgoing = openPayload(row.template, row.payload, deps.encryption);
  return { id: row.id, from, to: outgoing.to, ...renderMail(outgoing) };
}

/** A slow server gets more time at each try, or it would accept a mail again and again after we had left. */
function send({ deps, cut }: Delivery, mail: Mail, attempts: number): Promise<void> {
  const patience = AbortSignal.timeout(Math.min(20_000 * (attempts + 1), SLOWEST_SEND_MS));
  return deps.transport.send(mail, AbortSignal.any([patience, cut]));
}

async function putOff(deps: OutboxDeps, { mail, claim }: Held, reason: string, isFinal: boolean): Promise<void> {
  const { db, clock, log, metrics } = deps;
  const now = clock.now();
  const about = { outboxId: mail.id, template: mail.template, attempts: mail.attempts + 1, reason };
  if (isFinal || now - mail.created_at.getTime() > GIVE_UP_AFTER_MS) {
    await giveUp(db, claim, mail.id, now, reason);
    metrics.mailSettled(mail.template, 'failed');
    log.error(about, 'a mail was given up');
    return;
  }
  await postpone(db, claim, mail.id, now + backoff(mail.attempts, mail.id), reason);
  metrics.mailSettled(mail.template, 'retried');
  log.warn(about, 'a mail was put off');
}

/** 5 s, doubling up to 15 min, each between 75 % and 125 %: which of it, the mail's own random bits say. */
function backoff(attempts: number, id: string): number {
  const share = Number.parseInt(id.slice(-4), 16) / 0xffff;
  return Math.min(5000 * 2 ** Math.min(attempts, 20), 900_000) * (0.75 + share / 2);
}

/** Codes alone: a server's or a database's own words may quote an address. */
export function reasonOf(error: unknown): string {
  return error instanceof MailFailure ? error.message.slice(0, 200) : 'EUNKNOWN';
}
