import { userInfo } from 'node:os';
import type { Config } from '../config/config.ts';
import type { AuditEvent } from '../core/audit/index.ts';
import { EVERYONE } from '../core/changes/index.ts';
import { createUnit, type Unit } from '../core/effects/index.ts';
import type { Administrator } from '../core/roles/index.ts';
import type { RequestOrigin } from '../lib/origin.ts';
import { randomToken } from '../lib/random.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { connectToHolder } from '../platform/db/holder.ts';
import { type Db, migrate, openDatabase, pendingMigrations } from '../platform/db/index.ts';
import { createEncryption, type Encryption } from '../platform/encryption.ts';
import { EXIT, Failure } from './failure.ts';
import { note } from './output.ts';
import { readConfig } from './start.ts';

/** What a command stands on: the settings, the database, and a name for the audit log. */
export interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  readonly db: Db;
  /** The embedded database is another process's, which lends it. */
  readonly isBorrowed: boolean;
  readonly encryption: Encryption;
  readonly unit: Unit;
  readonly origin: RequestOrigin;
  /** Who changes something: whoever may run this on the machine. */
  readonly by: Administrator;
  /** An audit line by this command: who typed it, and what. */
  line(event: Pick<AuditEvent, 'action'> & Partial<AuditEvent>): AuditEvent;
}

export interface Opening {
  /** For the audit log: `users disable`. */
  readonly command: string;
  /** Whatever the database has is enough: for `migrate`, `doctor`. */
  readonly anySchema?: boolean;
  /** Waits some seconds for a database that is starting: for the step before a deployment. */
  readonly waits?: boolean;
}

/** Opens the database, works, and closes it whatever happened. */
export async function onGround<T>(opening: Opening, work: (ground: Ground) => Promise<T>): Promise<T> {
  const { config } = await readConfig();
  const act = async (db: Db, isBorrowed: boolean): Promise<T> => {
    if (opening.anySchema !== true) await requireSchema(db, config, isBorrowed);
    return work(groundOn(config, db, isBorrowed, opening.command));
  };
  return withDatabase(config, act, opening.waits === true ? 'migration' : 'command');
}

export async function withDatabase<T>(
  config: Config,
  work: (db: Db, isBorrowed: boolean) => Promise<T>,
  purpose: 'command' | 'migration' = 'command',
): Promise<T> {
  const borrowed = config.database.kind === 'embedded' ? await connectToHolder(config.DATA_DIR) : null;
  const db = borrowed ?? (await openDatabase(config, purpose, () => undefined));
  try {
    return await work(db, borrowed !== null);
  } finally {
    await db.close().catch(() => undefined);
  }
}

function groundOn(config: Config, db: Db, isBorrowed: boolean, command: string): Ground {
  const clock = systemClock;
  const encryption = createEncryption(config.ENCRYPTION_KEY);
  // Nobody listens in this process: the running servers read the feed from the database four times a second.
  const changes = { announce: () => undefined };
  const unit = createUnit({ db, encryption, clock, changes, mailWaiting: () => undefined });
  const origin = {
    requestId: randomToken('cli', 12),
    address: '',
    userAgent: 'auth-api command line',
    now: clock.now(),
  };
  const operator = { command, os_user: osUser() };
  return {
    config,
    clock,
    db,
    isBorrowed,
    encryption,
    unit,
    origin,
    by: { principal: nobody, origin, operator },
    line: ({ detail, ...event }) => ({
      outcome: 'success',
      actor: { type: 'system' },
      origin,
      ...event,
      detail: { ...detail, ...operator },
    }),
  };
}

// Stands where an administrator's session would; `operator` beside it says that there is none.
const nobody: Administrator['principal'] = {
  sessionId: EVERYONE,
  kind: 'token',
  deviceId: null,
  amr: [],
  authenticatedAt: 0,
  factorAt: null,
  createdAt: 0,
  expiresAt: 0,
  impersonator: null,
  user: {
    id: EVERYONE,
    email: '',
    emailVerified: false,
    name: null,
    picture: null,
    locale: null,
    roles: [],
    permissions: [],
    status: 'disabled',
    hasPassword: false,
    totp: false,
    passkeys: 0,
    mailFactor: false,
    recoveryCodesLeft: 0,
    factorDueAt: null,
    version: 0,
    createdAt: 0,
    updatedAt: 0,
    lastLoginAt: null,
  },
};

/** Who sits at the terminal, as far as the system knows: through sudo it is the one who called it. */
function osUser(): string {
  try {
    const { username, uid } = userInfo();
    return username || `uid ${uid}`;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

async function requireSchema(db: Db, config: Config, isBorrowed: boolean): Promise<void> {
  const pending = await pendingMigrations(db);
  if (pending.length === 0) return;
  // An embedded database that nobody serves is this command's alone.
  if (config.database.kind === 'embedded' && !isBorrowed && config.MIGRATE_ON_START) {
    note('Preparing the embedded database …');
    await migrate(db, null, systemClock);
    return;
  }
  const count = pending.length === 1 ? 'one migration' : `${pending.length} migrations`;
  throw new Failure(
    EXIT.unavailable,
    `The database lacks ${count} of this version. Run \`auth-api migrate up\` first.`,
  );
}
