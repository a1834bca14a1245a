import { readdirSync, readFileSync } from 'node:fs';

/**
 * What a process has used of the processors, in microseconds, user and system time of all its threads. The scheduler's
 * own account has nanoseconds; where the kernel keeps none, the ticks of /proc/<pid>/stat do (10 ms each).
 */
export function cpuOf(pids: number | readonly number[]): number {
  return [pids].flat().reduce((sum, pid) => sum + cpuOfProcess(pid), 0);
}

/** The main thread alone: what a Node process does outside the thread pool, the compiler and the collector's helpers. */
export function cpuOfMainThread(pid: number): number {
  return schedstat(pid, String(pid));
}

/** A server of many processes: those that live, and those that have ended and were waited for by the first one. */
export function cpuOfTree(pids: readonly number[]): number {
  const [first] = pids;
  return cpuOf(pids) + (first === undefined ? 0 : cpuOfEndedChildren(first));
}

export function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Bytes of memory that a process holds. */
export function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

export interface Spent {
  readonly subject: number;
  /** The part of it that the main threads took. */
  readonly main: number;
  readonly postgres: number;
  readonly redis: number;
}

export interface Watched {
  readonly subject: number | readonly number[];
  readonly stores?: { postgresPids(): number[]; readonly redisPid: number };
}

/** Starts to count; the function that comes back says what was used since, in microseconds. */
export function startMeter({ subject, stores }: Watched): () => Spent {
  const look = (): Spent => ({
    subject: cpuOf(subject),
    main: [subject].flat().reduce((sum, pid) => sum + cpuOfMainThread(pid), 0),
    postgres: stores === undefined ? 0 : cpuOfTree(stores.postgresPids()),
    redis: stores === undefined ? 0 : cpuOf(stores.redisPid),
  });
  const before = look();
  return () => {
    const after = look();
    return {
      subject: after.subject - before.subject,
      main: after.main - before.main,
      postgres: after.postgres - before.postgres,
      redis: after.redis - before.redis,
    };
  };
}

const TICK = 10_000;
const hasSchedstat = /^[1-9]/.test(read('/proc/self/schedstat'));

function cpuOfProcess(pid: number): number {
  if (!hasSchedstat) return fieldsOf(pid).slice(11, 13).reduce(add, 0) * TICK;
  return tasksOf(pid)
    .map((task) => schedstat(pid, task))
    .reduce(add, 0);
}

function schedstat(pid: number, task: string): number {
  return Number(read(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0] ?? 0) / 1000;
}

function cpuOfEndedChildren(pid: number): number {
  return fieldsOf(pid).slice(13, 15).reduce(add, 0) * TICK;
}

/** The fields of /proc/<pid>/stat behind the name, which is in brackets and may itself hold spaces and brackets. */
function fieldsOf(pid: number): number[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function add(sum: number, value: number): number {
  return sum + value;
}

/** What has ended since it was listed reads as nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
