import { hashLane } from '../lanes/limits.ts';
import { createPlace, hashesAtOnce } from '../place.ts';
import { ratioOf, runRounds, spreadOf, summarise } from '../rounds.ts';
import type { Figures, Row, Section } from '../section.ts';

const BINDING = 'the binding alone';
const NODE = 'crypto.argon2 of Node';
const HASH = 'hashed by the server’s code';
const VERIFY = 'verified by the server’s code';

/** What one password costs, without HTTP and database: what the server adds to the binding, and why it has that one. */
export const hash: Section = async ({ stores, ...bench }) => {
  const place = createPlace(stores);
  try {
    const subject = await place.hash();
    const lanes = [
      hashLane(BINDING, subject, 'binding'),
      hashLane(HASH, subject, 'server-hash'),
      hashLane(VERIFY, subject, 'server-verify'),
      hashLane(NODE, subject, 'node'),
    ];
    const figures: Figures = await runRounds(lanes, { section: 'hash', ...bench });
    const row = (path: string, lane: string): Row => {
      const [own, limit, node] = [lane, BINDING, NODE].map((name) => figures.get(name) ?? []) as [[], [], []];
      const costs = (list: readonly { cost: number }[]) => spreadOf(list.map(({ cost }) => cost));
      return {
        path,
        unit: 'µs',
        ours: costs(own),
        limit: { name: BINDING, value: costs(limit) },
        ratio: ratioOf(own, limit),
        rivals: [{ name: NODE, value: costs(node), ratio: ratioOf(node, own) }],
      };
    };
    const atOnce = await hashesAtOnce(stores);
    return {
      name: 'hash',
      title: 'Password hashes alone',
      rows: [row('A password hashed', HASH), row('A password verified', VERIFY)],
      notes: [
        `Argon2id with 19 MiB, two passes, one lane; ${atOnce} at once, as many as the server’s pool allows here.`,
      ],
      lanes: Object.fromEntries([...figures].map(([name, values]) => [name, summarise(values)])),
    };
  } finally {
    await place.stop();
  }
};
