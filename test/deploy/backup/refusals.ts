import assert from 'node:assert/strict';
import type { Done, RowContext } from '../row.ts';
import { type Place, place, restorer } from './place.ts';

const databases = (t: RowContext, here: Place): Promise<string> =>
  here.ask(t, 'postgres', "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database");
const backups = async (t: RowContext, here: Place): Promise<string> =>
  (await here.tools(t, "cd $BACKUP_DIR && find . ! -name '.*.lock' | sort && sha256sum latest/*")).stdout;

interface Try {
  readonly command: string;
  readonly env?: Record<string, string>;
  readonly status: number;
  readonly says: RegExp;
}

/** Each is refused, says why, and leaves backups and databases as they were. */
async function refuse(t: RowContext, here: Place, tries: readonly Try[]): Promise<void> {
  const before = [await backups(t, here), await databases(t, here)];
  for (const { command, env = {}, status, says } of tries) {
    const done: Done = await here.tools(t, command, { ok: false, env });
    assert.equal(done.status, status, `${command}: ${done.stderr}`);
    assert.match(done.stderr, says);
    assert.doesNotMatch(done.stderr, /passphrase|did not expect/);
    assert.deepEqual([await backups(t, here), await databases(t, here)], before, command);
  }
  t.figure('refused', tries.length);
}

/** Truncated, altered in one byte, of another backup, without its manifest: none reaches a database. */
export async function alteredBackups(t: RowContext): Promise<void> {
  const here = await place(t);
  const key = `${here.folder}/hmac`;
  const signed = { BACKUP_HMAC_KEY_FILE: key, BACKUP_DIR: `${here.folder}/signed` };
  await here.tools(t, `head -c 48 /dev/urandom | base64 > ${key}; "$DEPLOY/backup-db.sh"`, { env: signed });
  const copy = `rm -rf /tmp/bad; cp -rL ${here.folder}/signed/latest /tmp/bad; cd /tmp/bad`;
  const restore = '"$DEPLOY/restore-db.sh" /tmp/bad';
  const resum = 'sha256sum database.dump manifest.json > SHA256SUMS';
  const tries: readonly [alter: string, says: RegExp, env?: Record<string, string>][] = [
    ['truncate -s -1000 database.dump', /database\.dump in .* is not what was written: truncated or altered/],
    ['printf X | dd of=database.dump bs=1 seek=4000 conv=notrunc status=none', /truncated or altered/],
    [`sed -i 's/"rows": 1,/"rows": 2,/' manifest.json`, /manifest\.json in .* is not what was written/],
    ['rm manifest.json', /lacks manifest\.json/],
    ['rm SHA256SUMS', /lacks SHA256SUMS/],
    ['sed -i /manifest/d SHA256SUMS', /says nothing of manifest\.json/],
    // Altered by somebody who computes the sums anew: the manifest does not fit, or the rows do not, or the signature.
    [`printf X | dd of=database.dump bs=1 seek=4000 conv=notrunc status=none; ${resum}`, /manifest is not that of/],
    [`sed -i 's/"rows": 1,/"rows": 2,/' manifest.json; ${resum}`, /signature of .* is not right/, signed],
    ['rm SHA256SUMS.hmac', /is not signed/, signed],
  ];
  await refuse(
    t,
    here,
    tries.map(([alter, says, env]) => ({
      command: `${copy}; ${alter}; ${restore}`,
      env: restorer(here, env),
      status: 65,
      says,
    })),
  );
  const counted = await here.tools(
    t,
    `${copy}; sed -i 's/"rows": 1,/"rows": 2,/' manifest.json; ${resum}; ${restore}`,
    {
      ok: false,
      env: restorer(here),
    },
  );
  assert.equal(counted.status, 1);
  assert.match(counted.stderr, /not the one that was backed up.*\n.*was dropped again/);
  await here.tools(t, `"$DEPLOY/restore-db.sh" ${here.folder}/signed/latest --check`, { env: signed });
}

/** Whatever goes wrong at a backup: it says so, ends with a number, and the backups of before stay. */
export async function failedBackups(t: RowContext): Promise<void> {
  const here = await place(t);
  const backup = '"$DEPLOY/backup-db.sh"';
  const wrong = `${here.folder}/wrong`;
  const old = '$BACKUP_DIR/auth_db_20200101T000000Z';
  await here.tools(t, `echo wrong-password > ${wrong}; mkdir -p ${old}; touch ${old}/manifest.json`);
  await refuse(t, here, [
    {
      command: backup,
      env: { DB_PASSWORD_FILE: wrong },
      status: 69,
      says: /refuses the password of auth_owner@db:5432/,
    },
    { command: backup, env: { DB_PASSWORD_FILE: '' }, status: 69, says: /asks for a password/ },
    {
      command: backup,
      env: { DB_HOST: 'nowhere.invalid' },
      status: 69,
      says: /cannot be reached at auth_owner@nowhere/,
    },
    { command: backup, env: { DB_PORT: '1' }, status: 69, says: /cannot be reached.*Connection refused/ },
    { command: backup, env: { DB_NAME: 'other' }, status: 69, says: /database "other" does not exist/ },
    {
      command: backup,
      env: { DB_NAME: 'postgres', DB_USER: 'postgres', DB_PASSWORD_FILE: `${here.folder}/secrets/db_password` },
      status: 1,
      says: /holds no auth-api schema/,
    },
    {
      // The dump itself fails, half-way: this role may not read everything.
      command: backup,
      env: { DB_USER: 'auth_readonly', DB_PASSWORD_FILE: `${here.folder}/secrets/db_readonly_password` },
      status: 1,
      says: /permission denied/,
    },
    {
      command: `flock $BACKUP_DIR/.auth_db.lock ${backup}`,
      status: 75,
      says: /another backup of auth_db is running/,
    },
    {
      command: backup,
      env: { DB_PASSWORD: 'x', RETENTION_DAYS: '0', S3_URI: 'bucket' },
      status: 78,
      says: /DB_PASSWORD and PGPASSWORD are not read[\s\S]*RETENTION_DAYS[\s\S]*S3_URI/,
    },
  ]);
  await here.tools(t, `rm -r ${old}`);
}

/** The disk is full at the dump, and a little later at the manifest: nothing half-written stays, what was there stays. */
export async function fullDisk(t: RowContext): Promise<void> {
  const here = await place(t);
  const env = { BACKUP_DIR: '/small' };
  await here.tools(
    t,
    'mkdir /small/auth_db_20200101T000000Z; echo kept > /small/auth_db_20200101T000000Z/manifest.json',
  );
  for (const more of [{}, { AGE_RECIPIENTS: await recipient(t, here) }]) {
    const full = await here.tools(t, '"$DEPLOY/backup-db.sh"', { ok: false, env: { ...env, ...more } });
    assert.equal(full.status, 74, full.stderr);
    assert.match(full.stderr, /the disk is full: the dump could not be written\. .* free on \/small/);
    const left = await here.tools(t, 'cd /small && find . -mindepth 1 -not -name .auth_db.lock | sort');
    assert.equal(left.stdout, './auth_db_20200101T000000Z\n./auth_db_20200101T000000Z/manifest.json\n');
  }
}

export async function recipient(t: RowContext, here: Place): Promise<string> {
  const file = `${here.folder}/age.key`;
  return (
    await here.tools(t, `[ -s ${file} ] || age-keygen -o ${file} 2>/dev/null; age-keygen -y ${file}`)
  ).stdout.trim();
}

/** Nothing is ever restored over data, nothing but drills is dropped, and what fails in the middle is taken away. */
export async function notOverData(t: RowContext): Promise<void> {
  const here = await place(t);
  const restore = '"$DEPLOY/restore-db.sh"';
  const env = restorer(here);
  await here.tools(t, `${restore} $BACKUP_DIR/latest --into auth_db_restored_once`, { env });
  await here.ask(
    t,
    'auth_db_restored_once',
    "UPDATE auth.users SET name = 'changed since' WHERE email LIKE 'user-7@%'",
  );
  await refuse(t, here, [
    {
      command: `${restore} $BACKUP_DIR/latest --into auth_db_restored_once`,
      env,
      status: 1,
      says: /auth_db_restored_once is not empty/,
    },
    { command: `${restore} $BACKUP_DIR/latest --into auth_db`, env, status: 1, says: /auth_db is not empty/ },
    { command: `${restore} --drop auth_db`, env, status: 64, says: /refused: --drop takes only/ },
    { command: `${restore} /nowhere`, env, status: 65, says: /does not exist/ },
    { command: `${restore} $BACKUP_DIR/latest --into 'a b' --swop`, env, status: 64, says: /--into[\s\S]*|--swop/ },
    {
      command: `${restore} $BACKUP_DIR/latest`,
      env: { ...env, DB_USER: 'auth_app', DB_PASSWORD_FILE: `${here.folder}/secrets/db_app_password` },
      status: 1,
      says: /permission denied to create database/,
    },
  ]);
  const kept = "SELECT count(*) FROM auth.users WHERE name = 'changed since'";
  assert.equal(await here.ask(t, 'auth_db_restored_once', kept), '1');
  await here.tools(t, `${restore} --drop auth_db_restored_once`, { env });
}
