import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { mailbox } from '../../platform/mail/mail.ts';
import { createCircuit } from './circuit.ts';
import { type Delivery, deliver, type Held, type OutboxDeps, reasonOf } from './deliver.ts';
import { type ClaimedMail, claimDue, dropFailedBefore, release, renew } from './store.ts';

/**
 * Sends what lies in the outbox. Any number of processes may run one: a mail is leased to a batch of one worker, and a
 * killed worker's leases run out. A mail is deleted once the other side has accepted it, so that a mail is lost by
 * nothing, and doubled, under the same Message-ID, only where the answer to it was lost.
 */
export interface OutboxWorker {
  start(): void;
  /** Lets mails under way finish for five seconds; the transport stays the caller's to close. */
  stop(): Promise<void>;
  /** Called after a commit that left a mail. */
  poke(): void;
  /** Sends everything that is due now and can be sent. */
  drain(): Promise<void>;
}

const BATCH = 20;
const PARALLEL = 5;
const POLL_MS = 1000;
const LEASE_MS = 30_000;
const RENEW_MS = 10_000;
const STOP_MS = 5000;
const HOUR_MS = 3_600_000;
const KEEP_FAILED_MS = 30 * 24 * HOUR_MS;

interface State extends Delivery {
  held: Map<string, Held>;
  underWay: Set<Promise<void>>;
  isStopping: boolean;
}

export function createOutboxWorker(deps: OutboxDeps): OutboxWorker {
  const cut = new AbortController();
  const state = newState(deps, cut.signal);
  const timers: NodeJS.Timeout[] = [];
  let round: Promise<void> | null = null;
  let isWanted = false;

  // One round at a time; who asks meanwhile gets another round after it.
  const wake = (): Promise<void> => {
    isWanted = true;
    round ??= rounds();
    return round;
  };
  const rounds = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false;
      await sendDue(state).catch((error: unknown) => deps.log.error({ err: error }, 'the outbox cannot be read'));
    }
    round = null;
  };
  const every = (ms: number, work: () => Promise<unknown>): void => {
    const guarded = () =>
      work().catch((error: unknown) => deps.log.error({ err: error }, 'outbox housekeeping failed'));
    timers.push(setInterval(guarded, ms).unref());
  };

  return {
    start() {
      every(POLL_MS, wake);
      every(RENEW_MS, () => renewLeases(state));
      every(HOUR_MS, () => dropFailedBefore(deps.db, deps.clock.now() - KEEP_FAILED_MS));
      void wake();
    },
    poke() {
      if (!state.isStopping) void wake();
    },
    async drain() {
      await wake();
      await Promise.all(state.underWay);
    },
    async stop() {
      state.isStopping = true;
      for (const timer of timers.splice(0)) clearInterval(timer);
      const finished = Promise.resolve(round).then(() => Promise.all(state.underWay));
      await Promise.race([finished, sleep(STOP_MS, undefined, { ref: false })]);
      cut.abort();
      await Promise.race([finished, sleep(1000, undefined, { ref: false })]);
    },
  };
}

function newState(deps: OutboxDeps, cut: AbortSignal): State {
  const circuit = createCircuit(
    () => deps.transport.check(),
    deps.clock,
    (change, error) => {
      if (change === 'closed') deps.log.info('the mail server answers again');
      else deps.log.warn({ reason: reasonOf(error) }, 'the mail server cannot be used; mails wait');
    },
  );
  const from = mailbox(deps.config.EMAIL_FROM);
  return { deps, from, circuit, cut, accepted: new Set(), held: new Map(), underWay: new Set(), isStopping: false };
}

/** Claims and sends until nothing is due, waiting only for a free slot: a slow mail holds up no other. */
async function sendDue(state: State): Promise<void> {
  const { db, clock } = state.deps;
  while (!state.isStopping && (await state.circuit.admits())) {
    const claim = randomUUID();
    const now = clock.now();
    const batch = await claimDue(db, claim, now, now + LEASE_MS, BATCH);
    if (batch.length === 0) return;
    for (const mail of batch) state.held.set(mail.id, { mail, claim, leasedUntil: now + LEASE_MS });
    while (batch.length > 0 && !state.isStopping && state.circuit.isClosed()) {
      launch(state, (batch.shift() as ClaimedMail).id);
      await freeSlot(state);
    }
    await handBack(state, claim, batch);
    // With the slots full of slow mails, a further claim would only keep mails from other workers.
    await freeSlot(state);
  }
}

async function freeSlot(state: State): Promise<void> {
  while (state.underWay.size >= PARALLEL) await Promise.race(state.underWay);
}

function launch(state: State, id: string): void {
  const held = state.held.get(id);
  // Frozen or starved for longer than the lease: another worker may have it by now.
  if (!held || state.deps.clock.now() >= held.leasedUntil) {
    state.held.delete(id);
    return;
  }
  const work = deliver(state, held)
    .catch((error: unknown) => state.deps.log.error({ err: error, outboxId: id }, 'a mail could not be settled'))
    .finally(() => {
      state.held.delete(id);
      state.underWay.delete(work);
    });
  state.underWay.add(work);
}

async function handBack(state: State, claim: string, mails: readonly ClaimedMail[]): Promise<void> {
  if (mails.length === 0) return;
  for (const mail of mails) state.held.delete(mail.id);
  await release(
    state.deps.db,
    claim,
    mails.map((mail) => mail.id),
  );
}

async function renewLeases(state: State): Promise<void> {
  for (const [claim, held] of Map.groupBy(state.held.values(), (one) => one.claim)) {
    const until = state.deps.clock.now() + LEASE_MS;
    const kept = new Set(
      await renew(
        state.deps.db,
        claim,
        held.map(({ mail }) => mail.id),
        until,
      ),
    );
    for (const one of held) one.leasedUntil = kept.has(one.mail.id) ? until : 0;
  }
}
