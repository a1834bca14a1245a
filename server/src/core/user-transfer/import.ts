import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { AuditEvent } from '../audit/index.ts';
import type { Unit } from '../effects/index.ts';
import type { Passwords } from '../passwords/index.ts';
import { type Candidate, FieldFault, type Judging, judge, rowOf } from './candidate.ts';
import { type FirebaseParameters, translate } from './foreign.ts';
import { type RawRecord, readRecords } from './records.ts';
import { grantRoles, insertUsers, presentEmails, roleNames, type UserInsert } from './store.ts';

export interface ImportDeps {
  db: Db;
  unit: Unit;
  passwords: Pick<Passwords, 'check' | 'hash'>;
  clock: Clock;
}

export interface ImportOptions {
  format: 'ndjson' | 'csv';
  /** Checks every line and writes nothing. */
  dryRun?: boolean;
  /** One bad line, and nothing is imported. Every line is kept in memory until the last is checked. */
  strict?: boolean;
  /** Who imports, for the audit log. */
  actor: AuditEvent['actor'];
  origin: RequestOrigin;
  detail?: Record<string, unknown>;
  /** Roles that the importer may not give make a line bad; without it every role that exists may be given. */
  mayGrant?(role: string): boolean;
  /** Asked in each batch's transaction before it writes: throws once the importer may not go on, or not give these roles. */
  stillMay?(tx: Tx, roles: readonly string[]): Promise<void>;
  /** For hashes of a Firebase project. */
  firebase?: FirebaseParameters;
  /** After each batch. */
  onProgress?(progress: ImportProgress): void;
  /** Hears of every bad line as it is found; `errors` of the result keeps only the first thousand. */
  onFault?(fault: LineFault): void;
}

export interface ImportProgress {
  /** Lines that were dealt with. */
  lines: number;
  imported: number;
  skipped: number;
  failed: number;
}

export interface LineFault {
  line: number;
  field?: string;
  message: string;
}

export interface ImportResult {
  imported: number;
  /** Users whose address or id is here already, or came earlier in the same file. */
  skipped: number;
  failed: number;
  errors: LineFault[];
}

const BATCH = 500;
const ERRORS_KEPT = 1000;
const HASHING_TOGETHER = 2;

/**
 * Users from lines without their ends. A bad line is left out with its number and reason; whoever is here already is
 * skipped, so that an import that was cut off is simply run again. Batches are transactions of their own.
 */
export async function importUsers(
  deps: ImportDeps,
  lines: AsyncIterable<string>,
  options: ImportOptions,
): Promise<ImportResult> {
  const judging: Judging = {
    roles: new Set(await roleNames(deps.db)),
    mayGrant: options.mayGrant ?? (() => true),
    now: deps.clock.now(),
  };
  const run = new Run(deps, options);
  const held: Candidate[] = [];
  let batch: Candidate[] = [];
  for await (const record of readRecords(lines, options.format)) {
    const candidate = run.read(record, judging);
    if (candidate !== null) batch.push(candidate);
    if (batch.length < BATCH) continue;
    if (options.strict) held.push(...(await run.checkPasswords(batch)));
    else await run.settle(batch);
    batch = [];
  }
  if (!options.strict) await run.settle(batch);
  else held.push(...(await run.checkPasswords(batch)));
  if (options.strict && run.result.failed === 0) {
    for (let from = 0; from < held.length; from += BATCH) await run.settle(held.slice(from, from + BATCH));
  }
  return run.result;
}

/** One import under way: what it counts, and the addresses that a rehearsal has seen. */
class Run {
  readonly result: ImportResult = { imported: 0, skipped: 0, failed: 0, errors: [] };
  readonly #deps: ImportDeps;
  readonly #options: ImportOptions;
  readonly #rehearsed = new Set<string>();
  #checked = new WeakSet<Candidate>();
  #lines = 0;

  constructor(deps: ImportDeps, options: ImportOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  read(record: RawRecord, judging: Judging): Candidate | null {
    this.#lines = record.line;
    if ('fault' in record) return this.#fail({ line: record.line, message: record.fault });
    try {
      return judge(record.line, translate(record.fields, this.#options.firebase), judging);
    } catch (error) {
      if (!(error instanceof FieldFault)) throw error;
      return this.#fail({ line: record.line, ...(error.field && { field: error.field }), message: error.message });
    }
  }

  /** Those whose plain password may be chosen. */
  async checkPasswords(batch: readonly Candidate[]): Promise<Candidate[]> {
    const good: Candidate[] = [];
    for (const one of batch) {
      const faults =
        one.password === null || this.#checked.has(one)
          ? []
          : await this.#deps.passwords.check(one.password, { email: one.email, name: one.name });
      this.#checked.add(one);
      if (faults[0] === undefined) good.push(one);
      else this.#fail({ line: one.line, field: 'password', message: faults[0].message });
    }
    return good;
  }

  async settle(batch: readonly Candidate[]): Promise<void> {
    const present = new Set(
      batch.length === 0
        ? []
        : await presentEmails(
            this.#deps.db,
            batch.map((one) => one.email),
          ),
    );
    const fresh = batch.filter((one) => {
      const isNew = !present.has(one.email);
      present.add(one.email);
      return isNew && !this.#rehearsed.has(one.email);
    });
    const good = await this.checkPasswords(fresh);
    const added = this.#options.dryRun ? this.#rehearse(good) : await this.#write(good);
    this.result.imported += added;
    this.result.skipped += batch.length - fresh.length + good.length - added;
    const { imported, skipped, failed } = this.result;
    this.#options.onProgress?.({ lines: this.#lines, imported, skipped, failed });
  }

  #fail(fault: LineFault): null {
    this.result.failed += 1;
    if (this.result.errors.length < ERRORS_KEPT) this.result.errors.push(fault);
    this.#options.onFault?.(fault);
    return null;
  }

  #rehearse(good: readonly Candidate[]): number {
    for (const one of good) this.#rehearsed.add(one.email);
    return good.length;
  }

  /** Hashes first: nothing slow is done while a transaction is open. */
  async #write(good: readonly Candidate[]): Promise<number> {
    if (good.length === 0) return 0;
    const hashes = await this.#hashAll(good);
    const now = this.#deps.clock.now();
    const rows = good.map((one, index) => rowOf(one, hashes[index] ?? null, now));
    return this.#deps.unit.change(async (tx, record) => {
      await this.#requireStill(tx, rows);
      const added = new Map((await insertUsers(tx, rows)).map((user) => [user.id, user.email]));
      const grants = rows
        .filter((row) => added.has(row.id))
        .flatMap((row) => row.roles.map((role) => ({ user_id: row.id, role })));
      if (grants.length > 0) await grantRoles(tx, grants);
      await record({ audit: [...added].map(([id, email]) => this.#line(id, email)) });
      return added.size;
    });
  }

  /** What is committed stays, so a refusal says how much that is. */
  async #requireStill(tx: Tx, rows: readonly UserInsert[]): Promise<void> {
    try {
      const roles = rows.flatMap((row) => row.roles);
      await this.#options.stillMay?.(tx, roles);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { imported } = this.result;
      const stopped = `The import has stopped; ${imported} imported before that stay.`;
      const detail = [error.options.detail, stopped].filter(Boolean).join(' ');
      throw new Refusal(error.code, { ...error.options, detail, cause: error });
    }
  }

  #line(id: string, email: string): AuditEvent {
    const { actor, origin, detail } = this.#options;
    return {
      action: 'user.imported',
      outcome: 'success',
      actor,
      subject: id,
      origin,
      personal: { email },
      ...(detail && { detail }),
    };
  }

  async #hashAll(good: readonly Candidate[]): Promise<(string | null)[]> {
    const hashes: (string | null)[] = good.map((one) => one.passwordHash);
    const waiting = good.flatMap((one, index) => (one.password === null ? [] : [{ index, password: one.password }]));
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
        hashes[next.index] = await this.#hash(next.password);
    };
    await Promise.all(Array.from({ length: HASHING_TOGETHER }, work));
    return hashes;
  }

  /** People who sign in at the moment go first: a busy pool is waited for. */
  async #hash(password: string): Promise<string> {
    for (;;) {
      try {
        return await this.#deps.passwords.hash(password);
      } catch (error) {
        if (!(error instanceof Refusal) || error.code !== 'busy') throw error;
        await sleep((error.options.retryAfter ?? 1) * 1000);
      }
    }
  }
}
