// engines: none
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectToHolder } from '../../src/platform/db/holder.ts';
import { figures, isLong, percentile, type ServerProcess, serviceEnv, spawnServer } from '../processes.ts';
import { CLIENTS, checkDoors, checkState, closeLedger, newLedger, work } from './ledger.ts';

const KILLS = isLong ? 200 : 6;

test(`F-56: the embedded database opens after each of ${KILLS} kills under writes, and has lost nothing acknowledged`, async (t) => {
  const service = serviceEnv({
    REFRESH_GRACE_SECONDS: '60',
    PASSWORD_HASH: 'bcrypt',
    BCRYPT_SALT_ROUNDS: '10',
    HASH_CONCURRENCY: '2',
  });
  const starts: number[] = [];
  const start = async (): Promise<ServerProcess> => {
    const server = await spawnServer(service);
    starts.push(await server.ready(30_000));
    return server;
  };
  const book = newLedger();
  let server = await start();
  for (let kill = 1; kill <= KILLS; kill++) {
    let isOver = false;
    const clients = Array.from({ length: CLIENTS }, (_, at) =>
      work(server, book, book.accounts.at(-1 - at) ?? null, () => isOver),
    );
    await sleep(randomInt(50, 801));
    isOver = true;
    await server.kill('SIGKILL');
    await Promise.all(clients);
    assert.deepEqual(book.refused, [], `refused before kill ${kill}`);

    server = await start();
    const db = await connectToHolder(service.DATA_DIR as string);
    assert.ok(db);
    await checkState(db, book, service.ENCRYPTION_KEY as string);
    await db.close();
    await checkDoors(server, book);
  }
  closeLedger(book);
  await server.kill('SIGTERM');
  const restarts = starts.slice(1);
  figures(t, {
    kills: KILLS,
    acknowledged: book.acknowledged,
    unanswered: book.unanswered,
    lost: 0,
    accounts: book.accounts.length,
    'first start ms': starts[0] ?? 0,
    'restart p50 ms': percentile(restarts, 0.5),
    'restart max ms': Math.max(...restarts),
  });
});
