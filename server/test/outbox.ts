import { randomBytes } from 'node:crypto';
import { after, beforeEach } from 'node:test';
import {
  createOutboxWorker,
  insert,
  type OutboxWorker,
  type OutgoingMail,
  outboxRow,
} from '../src/core/outbox/index.ts';
import type { Db } from '../src/platform/db/index.ts';
import { createEncryption, type Encryption } from '../src/platform/encryption.ts';
import type { MailTransport } from '../src/platform/mail/mail.ts';
import { openSmtp } from '../src/platform/mail/smtp.ts';
import { embeddedDatabase } from './ground.ts';
import { type SmtpStandIn, startSmtpServer } from './smtp-server.ts';

export interface OutboxKit {
  /** Moves when a test says so. */
  clock: { at: number; now(): number };
  db: Db;
  encryption: Encryption;
  /** Another one may be put in its place; it is emptied before every test. */
  server: SmtpStandIn;
  /** Writes mails as a change would. */
  put(...mails: OutgoingMail[]): Promise<void>;
  rows(): Promise<OutboxRow[]>;
  receivers(): string[];
  smtp(): MailTransport;
  /** A worker that is not started, what it logs, and what it counts. */
  worker(transport?: MailTransport): OutboxWorker & { lines: string[]; settled: string[] };
}

export interface OutboxRow {
  id: string;
  attempts: number;
  last_error: string | null;
  failed_at: Date | null;
  next_attempt_at: Date;
  locked_until: Date | null;
}

/** An outbox on an embedded database with a real SMTP server behind it, for one test file. */
export async function outboxKit(): Promise<OutboxKit> {
  const clock = { at: Date.UTC(2026, 10, 23, 12), now: () => clock.at };
  const db = await embeddedDatabase();
  const encryption = createEncryption([randomBytes(32)]);
  const transports: MailTransport[] = [];
  const kit: OutboxKit = {
    clock,
    db,
    encryption,
    server: await startSmtpServer(),
    put: (...mails) =>
      db.transaction((tx) =>
        insert(
          tx,
          mails.map((mail) => outboxRow(mail, encryption, clock.at)),
        ),
      ),
    rows: () => db.query<OutboxRow>('SELECT * FROM auth.outbox ORDER BY id'),
    receivers: () => kit.server.received.flatMap((mail) => mail.to).sort(),
    smtp() {
      const { port } = kit.server;
      const transport = openSmtp({ kind: 'smtp', host: '127.0.0.1', port, secure: false, requireTls: false });
      transports.push(transport);
      return transport;
    },
    worker: (transport = kit.smtp()) => workerOn(kit, transport),
  };
  beforeEach(async () => {
    await db.execute('DELETE FROM auth.outbox');
    kit.server.received.length = 0;
  });
  after(async () => {
    for (const transport of transports) await transport.close();
    await kit.server.close();
    await db.close();
  });
  return kit;
}

function workerOn({ db, encryption, clock }: OutboxKit, transport: MailTransport) {
  const lines: string[] = [];
  const settled: string[] = [];
  const plain = (_key: string, value: unknown) => (value instanceof Error ? value.stack : value);
  const write = (...line: unknown[]) => void lines.push(JSON.stringify(line, plain));
  const worker = createOutboxWorker({
    db,
    encryption,
    transport,
    config: { EMAIL_FROM: 'The House <noreply@house.test>' },
    clock,
    log: { info: write, warn: write, error: write } as never,
    metrics: {
      mailSettled: (template, outcome) => void settled.push(`${template} ${outcome}`),
      mailDelay: () => {},
    },
  });
  return { ...worker, lines, settled };
}

export function verification(to: string, userId?: string): OutgoingMail {
  const link = `https://app.test/verify-email#token=${randomBytes(32).toString('base64url')}`;
  return { template: 'verify-email', to, ...(userId === undefined ? {} : { userId }), data: { link } };
}
