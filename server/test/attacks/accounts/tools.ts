import { randomBytes } from 'node:crypto';
import type { Answer, TestServer } from '../../kit.ts';

// What differs between any two answers: when, which one, and how much of a limit is left.
const OWN = new Set(['date', 'x-request-id', 'ratelimit', 'connection', 'keep-alive']);

/** An answer as far as it may tell anything: "the same answer" of the contract is deep equality of two of these. */
export function essence(answer: Answer): { status: number; headers: [string, string][]; text: string } {
  const headers = [...answer.headers].filter(([name]) => !OWN.has(name)).sort();
  return { status: answer.status, headers, text: answer.text.replace(/"request_id":"[^"]*"/, '') };
}

/** The audit lines about a user, as `action outcome reason`. */
export async function linesOf(server: TestServer, userId: string): Promise<string[]> {
  await server.app.settle();
  const rows = await server.db.query<{ action: string; outcome: string; reason: string | null }>(
    'SELECT action, outcome, reason FROM audit.events WHERE subject_id = $1 ORDER BY seq',
    [userId],
  );
  return rows.map(({ action, outcome, reason }) => [action, outcome, reason].filter((word) => word !== null).join(' '));
}

export async function subjects(server: TestServer, to: string): Promise<string[]> {
  return (await server.mails(to)).map((mail) => mail.subject).reverse();
}

export async function count(server: TestServer, from: string, ...values: unknown[]): Promise<number> {
  const rows = await server.db.query<{ count: number }>(`SELECT count(*) AS count FROM ${from}`, values);
  return Number(rows[0]?.count);
}

export async function userIdOf(server: TestServer, email: string): Promise<string> {
  const rows = await server.db.query<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email]);
  if (rows[0] === undefined) throw new Error(`no account has ${email}`);
  return rows[0].id;
}

/** Nobody else's address in this run: shared counters in Redis are counted by address. */
export function someAddress(): string {
  return `198.${18 + ((randomBytes(1)[0] as number) % 2)}.${randomBytes(1)[0]}.${randomBytes(1)[0]}`;
}

export function some64(): string {
  return `2001:db8:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}`.replace(
    /:0+(?=[0-9a-f])/g,
    ':',
  );
}

export const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

/** How often each status came. */
export function tally(answers: readonly { status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

export function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)));
}

/** Milliseconds of each call, taken in turns whose order changes, so that what the machine does meets all alike. */
export async function measure(
  rounds: number,
  calls: readonly ((round: number) => Promise<unknown>)[],
): Promise<number[][]> {
  const taken: number[][] = calls.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = calls.map((_, index) => index).sort(() => (randomBytes(1)[0] as number) - 127.5);
    for (const index of order) {
      const start = performance.now();
      await calls[index]?.(round);
      taken[index]?.push(performance.now() - start);
    }
  }
  return taken;
}

/** The chance that a sample of `a` is above one of `b`: 0.5 where the two cannot be told apart (Mann-Whitney). */
export function areaUnderCurve(a: readonly number[], b: readonly number[]): number {
  const sorted = [...b].sort((x, y) => x - y);
  const below = (value: number): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return a.reduce((sum, value) => sum + below(value), 0) / (a.length * b.length);
}
