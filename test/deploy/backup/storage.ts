import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowContext } from '../row.ts';
import { startObjectStore } from './object-store.ts';
import { place, restorer } from './place.ts';
import { recipient } from './refusals.ts';

/** Only after a success, only what is old, never the newest three, and nothing of others. */
export async function retention(t: RowContext): Promise<void> {
  const here = await place(t);
  const env = { BACKUP_DIR: `${here.folder}/kept`, RETENTION_DAYS: '7' };
  const old = (days: number): string => `$(date -u -d '-${days} days' +auth_db_%Y%m%dT%H%M%SZ)`;
  await here.tools(
    t,
    `mkdir -p $BACKUP_DIR; cd $BACKUP_DIR; for name in ${old(30)} ${old(20)} ${old(8)} ${old(6)} ${old(1)}; do mkdir $name; touch $name/x; done
     mkdir config_20200101T000000Z auth_db_notes .partial-auth_db_20260101T000000Z; touch auth_db.sql`,
    { env },
  );
  const failed = await here.tools(t, '"$DEPLOY/backup-db.sh"', { ok: false, env: { ...env, DB_PORT: '1' } });
  assert.equal(failed.status, 69);
  const count = async (): Promise<number> =>
    Number((await here.tools(t, `find $BACKUP_DIR -maxdepth 1 -name 'auth_db_2*' | wc -l`, { env })).stdout);
  assert.equal(await count(), 5, 'a failure removes nothing');
  const done = await here.tools(t, '"$DEPLOY/backup-db.sh"', { env });
  assert.equal(done.stderr.match(/removed auth_db_/g)?.length, 3);
  assert.equal(await count(), 3);
  const others = await here.tools(
    t,
    'cd $BACKUP_DIR; ls -d config_20200101T000000Z auth_db_notes auth_db.sql; ls -A; ls latest/',
    { env },
  );
  assert.doesNotMatch(others.stdout, /partial/);
  // Months without one that succeeded: the next success leaves the newest of the old ones all the same.
  await here.tools(
    t,
    `cd $BACKUP_DIR; rm -r auth_db_2*; for name in ${old(90)} ${old(80)} ${old(70)}; do mkdir $name; done; "$DEPLOY/backup-db.sh"`,
    { env },
  );
  assert.equal(await count(), 3);
}

/** Encrypted to a key whose secret half is not on the machine; nothing readable touches its disk. */
export async function encrypted(t: RowContext): Promise<void> {
  const here = await place(t);
  const env = { BACKUP_DIR: `${here.folder}/sealed`, AGE_RECIPIENTS: await recipient(t, here) };
  await here.tools(t, '"$DEPLOY/backup-db.sh"', { env });
  const file = readFileSync(join(here.folder, 'sealed/latest/database.dump.age'));
  assert.match(file.subarray(0, 24).toString('latin1'), /^age-encryption\.org\/v1/);
  assert.ok(!file.includes('user-7@example.com') && !file.includes('PGDMP'));
  const open = restorer(here, { BACKUP_DIR: env.BACKUP_DIR });
  const restore = '"$DEPLOY/restore-db.sh" $BACKUP_DIR/latest';
  const without = await here.tools(t, restore, { ok: false, env: open });
  assert.equal(without.status, 78);
  assert.match(without.stderr, /is encrypted: name the file with its secret key with AGE_IDENTITY_FILE/);
  await here.tools(t, `age-keygen -o ${here.folder}/other.key 2>/dev/null`);
  const wrong = await here.tools(t, restore, {
    ok: false,
    env: { ...open, AGE_IDENTITY_FILE: `${here.folder}/other.key` },
  });
  assert.equal(wrong.status, 65);
  assert.match(wrong.stderr, /cannot be decrypted with/);
  const right = await here.tools(
    t,
    `${restore} --into auth_db_drill_sealed; "$DEPLOY/restore-db.sh" --drop auth_db_drill_sealed`,
    {
      env: { ...open, AGE_IDENTITY_FILE: `${here.folder}/age.key` },
    },
  );
  assert.match(right.stderr, /0 differences/);
}

/** On a machine with client tools: they are those of the container here, under their own names. */
export async function uploaded(t: RowContext): Promise<void> {
  const here = await place(t);
  const store = await startObjectStore(t);
  const bin = join(t.scratch, 'bin');
  const names = ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSFILE', 'PGCONNECT_TIMEOUT', 'PGAPPNAME', 'LC_ALL'];
  const client = `#!/bin/sh\nexec docker exec --interactive ${names.map((name) => `--env ${name}`).join(' ')} auth-api-test-backup-tools "$(basename "$0")" "$@"\n`;
  await t.sh(`mkdir ${bin}`);
  for (const name of ['psql', 'pg_dump', 'pg_restore']) writeFileSync(join(bin, name), client, { mode: 0o755 });
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    TMPDIR: here.folder,
    DB_HOST: 'db',
    DB_USER: 'auth_owner',
    DB_PASSWORD_FILE: `${here.folder}/secrets/db_owner_password`,
    BACKUP_DIR: `${here.folder}/uploads`,
    S3_URI: 's3://auth-api-backups/nightly',
    AWS_ENDPOINT_URL: store.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_DEFAULT_REGION: 'eu-central-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
  };
  const done = await t.sh('./backup-db.sh', { cwd: t.deploy, env });
  const name = done.stdout.trim().split('/').at(-1) ?? '';
  for (const file of ['database.dump', 'manifest.json', 'SHA256SUMS'])
    assert.deepEqual(
      store.objects.get(`/auth-api-backups/nightly/${name}/${file}`),
      readFileSync(join(here.folder, 'uploads', name, file)),
      file,
    );
  assert.match(done.stderr, /uploaded to s3:\/\/auth-api-backups\/nightly\/auth_db_\w+ and verified there/);

  store.isLossy = true;
  const lossy = await t.sh('./backup-db.sh', { cwd: t.deploy, env, ok: false });
  assert.equal(lossy.status, 1);
  assert.match(lossy.stderr, /in auth-api-backups has \d+ bytes, not those of/);
  const gone = await t.sh('./backup-db.sh', {
    cwd: t.deploy,
    env: { ...env, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    ok: false,
  });
  assert.equal(gone.status, 69);
  assert.match(gone.stderr, /the upload of .* failed.*The backup is whole in/);
}

/** Secrets leave the machine encrypted or not at all; what was packed is what the files are. */
export async function configuration(t: RowContext): Promise<void> {
  const here = await place(t);
  const from = join(t.scratch, 'installation');
  await t.sh(
    `mkdir -p secrets ssl nginx; echo secret > secrets/a.txt; echo key > ssl/k.pem; echo x > nginx/nginx.conf
    echo A=1 > .env.production; ln -s k.pem ssl/link.pem`.replace(/^/, `mkdir -p ${from}; cd ${from}; `),
  );
  const env = { CONFIG_DIR: from, BACKUP_DIR: join(t.scratch, 'backups') };
  const backup = (more: Record<string, string> = {}, words = '') =>
    t.sh(`./backup-config.sh ${words}`, { cwd: t.deploy, env: { ...env, ...more }, ok: false });
  const refused = await backup();
  assert.equal(refused.status, 78);
  assert.match(refused.stderr, /there are secrets among the files, and nothing to encrypt to/);
  assert.ok(!existsSync(env.BACKUP_DIR));

  const done = await backup({ AGE_RECIPIENTS: await recipient(t, here) });
  assert.equal(done.status, 0, done.stderr);
  await t.sh(
    `mkdir out; age --decrypt --identity ${here.folder}/age.key backups/config-latest/config.tar.gz.age | tar -xz -C out; diff -r out ${from}`,
  );
  assert.equal((await t.sh(`stat -c %a ${done.stdout.trim()} ${done.stdout.trim()}/*`)).stdout, '700\n600\n600\n600\n');
  assert.equal((await backup({}, 'nginx')).status, 0, 'without secrets nothing is to be encrypted');
  assert.equal((await backup({}, '--plain')).status, 0);
  await t.sh(`ln -s /etc/hostname ${from}/ssl/away.pem`);
  const away = await backup({}, '--plain');
  assert.equal(away.status, 78);
  assert.match(away.stderr, /away\.pem leads to \/etc\/hostname/);
}
