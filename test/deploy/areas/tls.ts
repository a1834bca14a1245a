import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { installation, startServer, until } from '../local-server.ts';
import type { Area, RowContext } from '../row.ts';
import { stack } from '../stack.ts';
import { startAcme } from '../tls/acme.ts';
import { certificateOf, startClients } from '../tls/clients.ts';

const RENEWALS = 5;

export const tls: Area = {
  name: 'tls',
  title: 'TLS',
  needs: ['stack', 'apt:openssl', 'apt:curl', 'apt:pebble', 'apt:certbot'],
  rows: [
    { name: 'a self-signed certificate is made, kept, and renewed with its key and names', run: selfSigned },
    { name: 'an own authority issues and renews what OpenSSL verifies', run: ownAuthority },
    { name: 'the server takes new certificates on SIGHUP and drops no connection', timeout: 240, run: reloads },
    { name: 'nginx takes a renewed certificate under load', timeout: 240, run: renewsAtNginx },
    { name: 'a certificate comes from a real ACME server, and a renewal reaches the server', timeout: 240, run: acme },
  ],
};

const serial = async (t: RowContext, file: string): Promise<string> =>
  (await t.sh(`openssl x509 -in ${file} -noout -serial`)).stdout.trim().replace('serial=', '');
const key = (t: RowContext, folder: string): string => readFileSync(`${t.scratch}/${folder}/private.key`, 'utf8');

async function selfSigned(t: RowContext): Promise<void> {
  const out = `${t.scratch}/ssl`;
  const make = `tls/self-signed.sh --out ${out}`;
  await t.sh(`${make} --name localhost --name 127.0.0.1 --days 30`, { cwd: t.deploy });
  await t.sh(`openssl verify -CAfile ${out}/ca.crt -verify_hostname localhost ${out}/certificate.crt`);
  await t.sh(`openssl verify -CAfile ${out}/ca.crt -verify_ip 127.0.0.1 ${out}/certificate.crt`);
  assert.equal(statSync(`${out}/private.key`).mode & 0o777, 0o600);
  const [first, firstKey] = [await serial(t, `${out}/certificate.crt`), key(t, 'ssl')];

  const again = await t.sh(make, { cwd: t.deploy, ok: false });
  assert.equal(again.status, 78);
  assert.match(again.stderr, /--renew/);
  assert.equal(await serial(t, `${out}/certificate.crt`), first);

  await t.sh(`${make} --renew --reload 'touch ${t.scratch}/told'`, { cwd: t.deploy });
  assert.ok(statSync(`${t.scratch}/told`).isFile());
  assert.notEqual(await serial(t, `${out}/certificate.crt`), first);
  assert.equal(key(t, 'ssl'), firstKey);
  await t.sh(`openssl verify -CAfile ${out}/ca.crt -verify_hostname localhost ${out}/certificate.crt`);
  await t.sh(`${make} --force`, { cwd: t.deploy });
  assert.notEqual(key(t, 'ssl'), firstKey);

  const wrong = await t.sh('tls/self-signed.sh --name "a b" --days 0 --colour', { cwd: t.deploy, ok: false });
  assert.equal(wrong.status, 64);
  for (const fault of [/--name takes/, /--days takes/, /--colour/]) assert.match(wrong.stderr, fault);
  const blocked = await t.sh(`touch ${t.scratch}/file && tls/self-signed.sh --out ${t.scratch}/file/x`, {
    cwd: t.deploy,
    ok: false,
  });
  assert.equal(blocked.status, 74);
}

async function ownAuthority(t: RowContext): Promise<void> {
  const [ca, out] = [`--ca ${t.scratch}/ca`, `--out ${t.scratch}/ssl`];
  const early = await t.sh(`tls/own-ca.sh issue ${ca} ${out} --name localhost`, { cwd: t.deploy, ok: false });
  assert.equal(early.status, 78);
  await t.sh(`tls/own-ca.sh init ${ca}`, { cwd: t.deploy });
  const authority = await serial(t, `${t.scratch}/ca/ca.crt`);
  await t.sh(`tls/own-ca.sh init ${ca}`, { cwd: t.deploy });
  assert.equal(await serial(t, `${t.scratch}/ca/ca.crt`), authority, 'an authority is never overwritten');

  await t.sh(`tls/own-ca.sh issue ${ca} ${out} --name auth.example.com --name '*.example.org' --name ::1`, {
    cwd: t.deploy,
  });
  const verify = `openssl verify -x509_strict -purpose sslserver -CAfile ${t.scratch}/ca/ca.crt`;
  for (const name of ['auth.example.com', 'any.example.org'])
    await t.sh(`${verify} -verify_hostname ${name} ${t.scratch}/ssl/certificate.crt`);
  const other = await t.sh(`${verify} -verify_hostname example.net ${t.scratch}/ssl/certificate.crt`, { ok: false });
  assert.notEqual(other.status, 0);

  const first = await serial(t, `${t.scratch}/ssl/certificate.crt`);
  const early2 = await t.sh(`tls/own-ca.sh renew ${ca} ${out} --within 30`, { cwd: t.deploy });
  assert.match(early2.stdout, /nothing was done/);
  assert.equal(await serial(t, `${t.scratch}/ssl/certificate.crt`), first);
  await t.sh(`tls/own-ca.sh renew ${ca} ${out} --within 100`, { cwd: t.deploy });
  assert.notEqual(await serial(t, `${t.scratch}/ssl/certificate.crt`), first);
  await t.sh(`${verify} -verify_hostname any.example.org ${t.scratch}/ssl/certificate.crt`);

  await t.sh(`tls/own-ca.sh issue ${ca} --out ${t.scratch}/client --name filebeat.example.com --client`, {
    cwd: t.deploy,
  });
  await t.sh(`openssl verify -purpose sslclient -CAfile ${t.scratch}/ca/ca.crt ${t.scratch}/client/certificate.crt`);
  await t.sh(`tls/own-ca.sh init --ca ${t.scratch}/other-ca; cp ${t.scratch}/other-ca/ca.key ${t.scratch}/ca/ca.key`, {
    cwd: t.deploy,
  });
  const mixed = await t.sh(`tls/own-ca.sh renew ${ca} ${out}`, { cwd: t.deploy, ok: false });
  assert.notEqual(mixed.status, 0, 'a key of another authority signs nothing');
  await t.sh(`${verify} ${t.scratch}/ssl/certificate.crt`);
}

const tlsSettings = (folder: string): Record<string, string> =>
  installation({
    SSL_KEY_PATH: `${folder}/private.key`,
    SSL_CERT_PATH: `${folder}/certificate.crt`,
    SSL_CA_PATH: `${folder}/ca.crt`,
  });

async function reloads(t: RowContext): Promise<void> {
  const folder = `${t.scratch}/ssl`;
  const scripts = `tls/own-ca.sh init --ca ${t.scratch}/ca; tls/own-ca.sh issue --ca ${t.scratch}/ca --out ${folder} --name localhost`;
  await t.sh(scripts, { cwd: t.deploy });
  const server = await startServer(t, 'server', tlsSettings(folder));
  const clients = startClients(server.url, () => readFileSync(`${t.scratch}/ca/ca.crt`, 'utf8'));
  const seen = new Set([(await certificateOf(server.port)).serialNumber]);
  for (let count = 0; count < RENEWALS * t.rounds; count++) {
    await t.sh(`tls/own-ca.sh renew --ca ${t.scratch}/ca --out ${folder} --reload 'kill -HUP ${server.process.pid}'`, {
      cwd: t.deploy,
    });
    const wanted = await serial(t, `${folder}/certificate.crt`);
    const isShown = async (): Promise<boolean> => (await certificateOf(server.port)).serialNumber === wanted;
    await until(isShown, 'the new certificate', 5);
    seen.add(wanted);
    await sleep(300);
  }
  // What does not fit is refused, and the one in use stays.
  await t.sh(`tls/self-signed.sh --out ${t.scratch}/other; cp ${t.scratch}/other/private.key ${folder}/private.key`, {
    cwd: t.deploy,
  });
  server.process.kill('SIGHUP');
  await until(() => server.output.stdout.includes('could not be reloaded'), 'the refusal of a wrong key', 5);
  assert.ok(seen.has((await certificateOf(server.port)).serialNumber));
  const { sent, failed, connections } = await clients.stop();
  assert.deepEqual(failed, {});
  assert.equal(seen.size, RENEWALS * t.rounds + 1);
  assert.ok(sent > 200 && connections < sent, `${sent} requests over ${connections} connections`);
  t.figure('renewals', seen.size - 1);
  t.figure('requests', sent);
  t.figure('failed', 0);
}

/** The certificate that prepare.sh made, renewed in its place; the new files belong to nginx's user, as the folder does. */
async function renewsAtNginx(t: RowContext): Promise<void> {
  const { url, ca, folder, httpsPort, env } = await stack();
  const clients = startClients(url, () => readFileSync(ca, 'utf8'));
  t.after(() => clients.stop());
  const before = (await certificateOf(httpsPort)).serialNumber;
  for (let count = 0; count < 2 * t.rounds; count++) {
    await t.sh(
      `tls/own-ca.sh renew --reload 'docker compose -f docker-compose.prod.yml exec -T nginx nginx -s reload'`,
      { cwd: folder, env },
    );
    const wanted = await serial(t, `${folder}/ssl/certificate.crt`);
    const isShown = async (): Promise<boolean> => (await certificateOf(httpsPort)).serialNumber === wanted;
    await until(isShown, 'the new certificate', 20);
    await sleep(1000);
  }
  assert.notEqual((await certificateOf(httpsPort)).serialNumber, before);
  assert.equal(statSync(`${folder}/ssl/private.key`).uid, statSync(`${folder}/ssl`).uid);
  const { sent, failed } = await clients.stop();
  assert.deepEqual(failed, {});
  t.figure('requests', sent);
  t.figure('failed', 0);
}

async function acme(t: RowContext): Promise<void> {
  const server = await startAcme(t);
  const [state, out] = [`${t.scratch}/letsencrypt`, `${t.scratch}/ssl`];
  const told = `${t.scratch}/told`;
  const reload = `echo told >> ${told}; if [ -s ${t.scratch}/pid ]; then kill -HUP $(cat ${t.scratch}/pid); fi`;
  const options = { cwd: t.deploy, env: server.env, seconds: 60 };
  const issue = `tls/lets-encrypt.sh issue --name auth.example.com --email ops@example.com --server ${server.directory} \
    --webroot ${server.webroot} --state ${state} --out ${out} --reload '${reload}'`;
  await t.sh(issue, options);
  const first = await serial(t, `${out}/certificate.crt`);
  await t.sh(
    `openssl verify -partial_chain -CAfile ${out}/ca.crt -verify_hostname auth.example.com ${out}/certificate.crt`,
  );
  assert.equal(statSync(`${out}/private.key`).mode & 0o777, 0o600);
  const words = (): number => readFileSync(told, 'utf8').trim().split('\n').length;
  assert.equal(words(), 1, 'the servers are told once');
  await t.sh(issue, options);
  assert.equal(await serial(t, `${out}/certificate.crt`), first, 'what is still good is kept');
  assert.equal(words(), 1);

  const app = await startServer(t, 'server', tlsSettings(out));
  await t.sh(`echo ${app.process.pid} > ${t.scratch}/pid`);
  assert.equal((await certificateOf(app.port, 'auth.example.com')).serialNumber, first);
  await t.sh(`tls/lets-encrypt.sh renew --state ${state}`, options);
  assert.equal(await serial(t, `${out}/certificate.crt`), first, 'it is not due yet');
  await t.sh(`tls/lets-encrypt.sh renew --state ${state} --force`, options);
  const second = await serial(t, `${out}/certificate.crt`);
  assert.notEqual(second, first);
  const isShown = async (): Promise<boolean> =>
    (await certificateOf(app.port, 'auth.example.com')).serialNumber === second;
  await until(isShown, 'the renewed certificate', 5);
  assert.equal(words(), 2);

  const refused = await t.sh(
    issue.replace('--name auth', '--name other').replace(server.webroot, `${t.scratch}/elsewhere`),
    {
      ...options,
      ok: false,
    },
  );
  assert.equal(refused.status, 1, 'a challenge that cannot be fetched is a refusal');
  assert.equal(await serial(t, `${out}/certificate.crt`), second);
}
