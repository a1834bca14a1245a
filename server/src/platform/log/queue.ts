/**
 * Lines on their way to a file or a pipe. Writing never waits and never throws: where the other side is slow, blocked
 * or full, lines gather up to a bound, and past it the newest are dropped and counted. Serving people comes before
 * logging about it; what must not be lost is in the audit, which lives in the database.
 */
export interface LineTarget {
  /** Called before each batch with its size in bytes: opens, rotates. */
  prepare(bytes: number): Promise<void>;
  /** Writes the beginning of `chunk` and returns how many bytes that were. */
  write(chunk: Buffer): Promise<number>;
  close(): Promise<void>;
}

export interface LineQueue {
  write(line: string): void;
  dropped(): number;
  /** Runs `work` between two batches. */
  between(work: () => Promise<void>): void;
  /** Writes what is there, but waits no longer than `waitMs`. */
  close(waitMs: number): Promise<void>;
}

interface LineQueueOptions {
  maxBytes?: number;
  batchBytes?: number;
  retryMs?: number;
  gatherMs?: number;
  /** The target fails for the first time after it worked. */
  onTrouble?(error: unknown): void;
  /** The target works again, after `count` lines were dropped: the line to leave in the log. */
  noticeOfLoss?(count: number): string;
}

interface State {
  lines: string[];
  bytes: number;
  dropped: number;
  unreported: number;
  isDraining: boolean;
  isFailing: boolean;
  isClosed: boolean;
  work: (() => Promise<void>) | null;
  wake: (() => void) | null;
}

export function lineQueue(target: LineTarget, options: LineQueueOptions = {}): LineQueue {
  const { maxBytes = 8 * 1024 * 1024, batchBytes = 65_536, retryMs = 1000, gatherMs = 5 } = options;
  const state: State = {
    lines: [],
    bytes: 0,
    dropped: 0,
    unreported: 0,
    isDraining: false,
    isFailing: false,
    isClosed: false,
    work: null,
    wake: null,
  };
  let drained: Promise<void> = Promise.resolve();

  const start = () => {
    if (state.isDraining) return;
    state.isDraining = true;
    // Lines of the same moment leave in one write: under load each would cost what the request did.
    drained = new Promise((resolve) => setTimeout(resolve, gatherMs)).then(() =>
      drain(target, state, { batchBytes, retryMs, ...options }),
    );
  };
  const write = (line: string) => {
    const bytes = Buffer.byteLength(line);
    if (state.isClosed || state.bytes + bytes > maxBytes) {
      state.dropped += 1;
      state.unreported += 1;
      return;
    }
    state.lines.push(line);
    state.bytes += bytes;
    start();
  };
  const between = (work: () => Promise<void>) => {
    state.work = work;
    state.wake?.();
    start();
  };
  const close = async (waitMs: number) => {
    state.isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), waitMs);
    });
    const outcome = await Promise.race([drained, late]);
    clearTimeout(timer);
    if (outcome !== 'late') return target.close().catch(() => undefined);
    state.dropped += state.lines.length;
    state.lines = [];
    state.wake?.();
  };
  return { write, between, close, dropped: () => state.dropped };
}

type DrainOptions = LineQueueOptions & { batchBytes: number; retryMs: number };

/** The one writer of a queue: a batch at a time, each as often as it takes. */
async function drain(target: LineTarget, state: State, options: DrainOptions): Promise<void> {
  while (state.lines.length > 0 || state.work !== null) {
    await runWork(state, options);
    const batch = takeBatch(state, options.batchBytes);
    if (batch.length > 0) await writeBatch(target, batch, state, options);
    state.bytes -= batch.length;
    if (state.unreported > 0 && !state.isFailing) reportLoss(state, options);
  }
  state.isDraining = false;
}

async function runWork(state: State, options: DrainOptions): Promise<void> {
  const work = state.work;
  state.work = null;
  if (work !== null) await work().catch((error) => options.onTrouble?.(error));
}

function takeBatch(state: State, batchBytes: number): Buffer {
  let count = 0;
  let bytes = 0;
  for (const line of state.lines) {
    const next = Buffer.byteLength(line);
    if (count > 0 && bytes + next > batchBytes) break;
    bytes += next;
    count += 1;
  }
  return Buffer.from(state.lines.splice(0, count).join(''));
}

async function writeBatch(target: LineTarget, batch: Buffer, state: State, options: DrainOptions): Promise<void> {
  let rest = batch;
  let isPrepared = false;
  while (rest.length > 0) {
    try {
      if (!isPrepared) await target.prepare(batch.length);
      isPrepared = true;
      rest = rest.subarray(await target.write(rest));
      state.isFailing = false;
    } catch (error) {
      if (!state.isFailing) options.onTrouble?.(error);
      state.isFailing = true;
      await pause(state, options.retryMs);
      await runWork(state, options);
      if (state.isClosed && state.lines.length === 0) return;
    }
  }
}

function pause(state: State, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    state.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function reportLoss(state: State, options: DrainOptions): void {
  const notice = options.noticeOfLoss?.(state.unreported);
  state.unreported = 0;
  if (notice === undefined) return;
  state.lines.push(notice);
  state.bytes += Buffer.byteLength(notice);
}
