import { execFileSync } from 'node:child_process';
import { anotherCluster, swapped, wholeDrill } from '../backup/drill.ts';
import { remove } from '../backup/place.ts';
import { alteredBackups, failedBackups, fullDisk, notOverData } from '../backup/refusals.ts';
import { configuration, encrypted, retention, uploaded } from '../backup/storage.ts';
import type { Area } from '../row.ts';

// For a machine that does much else meanwhile: on an idle one the longest takes some ten seconds.
const PATIENCE = 300;

export const backup: Area = {
  name: 'backup',
  title: 'Backup and restore',
  needs: ['images:postgres', 'apt:age'],
  rows: [
    {
      name: 'a drill beside people at work: backup, restore, no difference, sign-in, keys, audit chain',
      timeout: PATIENCE,
      run: wholeDrill,
    },
    {
      name: 'a backup restored into another cluster serves, and its change feed begins anew',
      timeout: PATIENCE,
      run: anotherCluster,
    },
    {
      name: 'a truncated or altered backup is refused before any database is touched',
      timeout: PATIENCE,
      run: alteredBackups,
    },
    {
      name: 'wrong password, no database, no rights, two at once: a clear word, and nothing lost',
      timeout: PATIENCE,
      run: failedBackups,
    },
    { name: 'a full disk leaves nothing half-written and takes nothing away', timeout: PATIENCE, run: fullDisk },
    { name: 'nothing is restored over data', timeout: PATIENCE, run: notOverData },
    { name: 'old backups go after a success only', timeout: PATIENCE, run: retention },
    { name: 'an encrypted backup opens with its key and no other', timeout: PATIENCE, run: encrypted },
    { name: 'what is uploaded is verified where it lies', timeout: PATIENCE, skipUnless: withoutAws, run: uploaded },
    { name: 'the configuration is packed encrypted, and compared', timeout: PATIENCE, run: configuration },
    {
      timeout: PATIENCE,
      name: 'the restored database takes the place of the live one, which is kept',
      async run(t) {
        t.after(remove);
        await swapped(t);
      },
    },
  ],
};

/** Why the row cannot run: it is listed as NOT RUN, and never counts as passed. */
function withoutAws(): string | null {
  try {
    execFileSync('aws', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'aws is not installed';
  }
}
