import type { Clock } from '../../platform/clock.ts';
import type { Db, Sql, Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { type AuditEvent, auditRow } from '../audit/index.ts';
import type { Change, Changes } from '../changes/index.ts';
import { type OutgoingMail, outboxRow } from '../outbox/index.ts';
import { insertEffects } from './store.ts';

export interface Effects {
  audit?: AuditEvent[];
  mail?: OutgoingMail[];
  /** Ids of users and sessions that other processes must forget. */
  changed?: string[];
}

/**
 * What a change causes is written with it: its audit lines, its mails, and what others must forget, in one statement
 * of the same transaction. Nothing is acknowledged without them, and nothing of them remains of what was rolled back.
 */
export interface Unit {
  /** Runs `work` in one transaction; after the commit the feed and the mail worker are told. */
  change<T>(work: (tx: Tx, record: (effects: Effects) => Promise<void>) => Promise<T>): Promise<T>;
  /** Effects alone: a refusal that is worth a line. */
  record(effects: Effects): Promise<void>;
  /**
   * For a change that is one statement: `write` gets the rows of the effects, as JSON, and writes them with it. False
   * where the statement did nothing, so that nothing of it happened.
   */
  together(effects: Pick<Effects, 'audit' | 'mail'>, write: (rows: EffectRows) => Promise<boolean>): Promise<boolean>;
  /** In a transaction that somebody else began: the mail worker finds out at its next look. */
  recordIn(tx: Tx, effects: Pick<Effects, 'audit' | 'mail'>): Promise<void>;
}

/** For `jsonb_populate_recordset` over `audit.inbox` and `auth.outbox`. */
export interface EffectRows {
  readonly audit: string;
  readonly mail: string;
}

interface Deps {
  db: Db;
  encryption: Encryption;
  clock: Clock;
  changes: Pick<Changes, 'announce'>;
  /** Counts what was recorded. */
  onAudited?(action: string, outcome: string): void;
  /** Wakes the mail worker. */
  mailWaiting(): void;
}

interface Written {
  changes: Change[];
  hasMail: boolean;
  audit: readonly AuditEvent[];
}

export function createUnit({ db, encryption, clock, changes, mailWaiting, onAudited }: Deps): Unit {
  const write = async (sql: Sql, { audit = [], mail = [], changed = [] }: Effects): Promise<Written> => {
    if (audit.length + mail.length + changed.length === 0) return { changes: [], hasMail: false, audit };
    const now = clock.now();
    const written = await insertEffects(
      sql,
      audit.map((event) => auditRow(event, encryption)),
      mail.map((one) => outboxRow(one, encryption, now)),
      changed,
    );
    return { changes: written, hasMail: mail.length > 0, audit };
  };
  const tell = ({ changes: written, hasMail, audit }: Written): void => {
    for (const { action, outcome } of audit) onAudited?.(action, outcome);
    if (written.length > 0) changes.announce(written);
    if (hasMail) mailWaiting();
  };
  return {
    async change(work) {
      let written: Written[] = [];
      const result = await db.transaction((tx) => {
        written = []; // a retried transaction starts anew
        return work(tx, async (effects) => {
          written.push(await write(tx, effects));
        });
      });
      written.forEach(tell);
      return result;
    },
    async record(effects) {
      tell(await write(db, effects));
    },
    async together({ audit = [], mail = [] }, write) {
      const now = clock.now();
      const isDone = await write({
        audit: JSON.stringify(audit.map((event) => auditRow(event, encryption))),
        mail: JSON.stringify(mail.map((one) => outboxRow(one, encryption, now))),
      });
      if (isDone) tell({ changes: [], hasMail: mail.length > 0, audit });
      return isDone;
    },
    async recordIn(tx, effects) {
      await write(tx, effects);
    },
  };
}
