// engines: none
import { before, test } from 'node:test';
import { type Cluster, startCluster } from '../../faults/cluster.ts';
import { figures, isLong, percentile } from '../../processes.ts';
import { startHub } from './hub.ts';
import { races, run, USES } from './race-kinds.ts';

// The form with three servers in one process runs with every test; here each is a process of its own.
const ROUNDS = isLong ? 100 : 1;

let cluster: Cluster;
before(async () => {
  cluster = await startCluster({
    PASSWORD_HASH: 'bcrypt',
    BCRYPT_SALT_ROUNDS: '10',
    DB_POOL_MAX: '10',
    ...(await startHub()),
  });
});

for (const name of Object.keys(races)) {
  test(`${name}, used ${USES} times at once on 3 processes, works once, ${ROUNDS} times`, async (t) => {
    const waits: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const from = performance.now();
      await run(name, cluster.servers);
      waits.push(performance.now() - from);
    }
    figures(t, { rounds: ROUNDS, uses: ROUNDS * USES, 'p50 ms a round': percentile(waits, 0.5) });
  });
}
