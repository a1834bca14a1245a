import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { freePort } from '../../run/free-port.ts';
import { startLoad } from '../load.ts';
import type { Area, RowContext } from '../row.ts';
import { APP_IMAGE } from '../stack.ts';

const BOX = 'auth-api-test-systemd';
const PM2 = 'pm2@7.0.4';

/** Debian with systemd as its first process, and the program where the unit expects it. */
async function startBox(t: RowContext, port: number): Promise<void> {
  writeFileSync(
    `${t.scratch}/Dockerfile`,
    `FROM ${APP_IMAGE} AS app
FROM debian:trixie-slim
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends systemd systemd-sysv procps openssl >/dev/null && rm -rf /var/lib/apt/lists/*
COPY --from=app /usr/local/bin/node /usr/bin/node
COPY --from=app /app /opt/auth-api
`,
  );
  await t.sh(`docker build -q --network=host -t ${BOX} .`, { seconds: 200 });
  await t.sh(`docker rm -f ${BOX}`, { ok: false });
  // Its own cgroup tree, whichever version the machine has.
  await t.sh(
    `docker run -d --name ${BOX} -p 127.0.0.1:${port}:3000 --cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add NET_ADMIN \\
      --security-opt seccomp=unconfined --security-opt apparmor=unconfined --tmpfs /run --tmpfs /tmp ${BOX} \\
      bash -c 'mount --make-rshared /; umount -R /sys/fs/cgroup; mount -o remount,rw /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec /sbin/init'`,
  );
  await t.sh(
    `until docker exec ${BOX} systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; do sleep 0.5; done`,
  );
}

const inBox = (t: RowContext, command: string, ok = true) =>
  t.sh(`docker exec -i ${BOX} bash -euo pipefail -c '${command.replaceAll("'", `'\\''`)}'`, { ok });

export const processManagers: Area = {
  name: 'process-managers',
  title: 'systemd and PM2',
  needs: ['app-image', 'images:debian'],
  rows: [
    {
      name: 'a real systemd starts the unit, confines it, reloads, restarts it after a kill, and stops it cleanly',
      timeout: 300,
      async run(t) {
        const port = await freePort();
        t.after(() => t.sh(`docker rm -f ${BOX}`, { ok: false }));
        await startBox(t, port);
        await t.sh(`docker cp ${t.deploy}/systemd/auth-api.service ${BOX}:/etc/systemd/system/`);
        await t.sh(`docker cp ${t.deploy}/make-secrets.sh ${BOX}:/root/make-secrets.sh`);
        await inBox(t, 'systemd-analyze verify auth-api.service');
        // Without settings: it says what is missing, once, and is not tried for ever.
        await inBox(t, 'install -d -m 0700 /etc/auth-api /etc/auth-api/secrets; : > /etc/auth-api/auth-api.env');
        await inBox(t, 'cd /root && ./make-secrets.sh >/dev/null && cp secrets/*.txt /etc/auth-api/secrets/');
        await inBox(
          t,
          'systemctl start auth-api || true; for i in {1..60}; do systemctl is-failed -q auth-api && break; sleep 0.5; done',
        );
        const wrong = await inBox(t, 'systemctl show auth-api -p ExecMainStatus -p NRestarts -p ActiveState');
        assert.match(wrong.stdout, /NRestarts=0/);
        assert.match(wrong.stdout, /ExecMainStatus=78/);
        assert.match((await inBox(t, 'journalctl -u auth-api -o cat')).stdout, /PUBLIC_URL/);

        await inBox(
          t,
          `printf "%s\\n" PUBLIC_URL=https://localhost EMAIL_SERVICE=smtp SMTP_HOST=localhost EMAIL_FROM=a@example.com \\
          EMBEDDED_ACCEPT_POWER_LOSS=true HOST=0.0.0.0 > /etc/auth-api/auth-api.env; systemctl reset-failed auth-api; systemctl start auth-api`,
        );
        const url = `http://127.0.0.1:${port}`;
        const healthy = `until curl -fsS -m 2 -o /dev/null ${url}/health 2>/dev/null; do sleep 0.3; done`;
        await t.sh(healthy).catch(async (error: Error) => {
          throw new Error(`${error.message}\n${(await inBox(t, 'journalctl -u auth-api -o cat -n 30', false)).stdout}`);
        });
        const user = await inBox(
          t,
          'ps -o user= -p $(systemctl show auth-api -p MainPID --value) 2>/dev/null || stat -c %U /proc/$(systemctl show auth-api -p MainPID --value)',
        );
        assert.notEqual(user.stdout.trim(), 'root');
        const security = await inBox(t, 'systemd-analyze security auth-api --no-pager | tail -n 1');
        const score = Number(/: ([\d.]+) /.exec(security.stdout)?.[1]);
        t.figure('systemd-analyze security', score);
        assert.ok(score < 2, security.stdout);

        await inBox(t, 'systemctl reload auth-api');
        await t.sh(healthy);
        const before = await inBox(t, 'systemctl show auth-api -p MainPID --value');
        await inBox(t, 'kill -9 $(systemctl show auth-api -p MainPID --value)');
        await t.sh(`sleep 1; ${healthy}`);
        assert.notEqual((await inBox(t, 'systemctl show auth-api -p MainPID --value')).stdout, before.stdout);
        const began = performance.now();
        await inBox(t, 'systemctl stop auth-api');
        t.figure('stop, s', ((performance.now() - began) / 1000).toFixed(1));
        const journal = await inBox(t, 'journalctl -u auth-api -o cat -n 25');
        const end = await inBox(t, 'systemctl show auth-api -p Result -p ExecMainStatus');
        assert.match(end.stdout, /Result=success/, journal.stdout);
      },
    },
    {
      name: 'a real PM2 starts the servers, reloads them one by one under load, and leaves wrong settings alone',
      timeout: 240,
      async run(t) {
        const database = 'auth-api-test-pm2-db';
        const dbPort = await freePort();
        t.after(() => t.sh(`docker rm -f -v ${database}`, { ok: false }));
        await t.sh(
          `docker run -d --name ${database} -e POSTGRES_PASSWORD=quokka-lantern -e POSTGRES_DB=auth_db -p 127.0.0.1:${dbPort}:5432 postgres:17`,
        );
        await t.sh(`until docker exec ${database} pg_isready -q -h 127.0.0.1 -d auth_db; do sleep 0.3; done`);
        await t.sh(`npm install --silent --no-fund --no-audit --prefix ${t.scratch} ${PM2}`, { seconds: 120 });
        const port = await freePort();
        const env = {
          PM2_HOME: `${t.scratch}/home`,
          AUTH_API_INSTANCES: '2',
          PORT: `${port}`,
          METRICS_PORT: `${await freePort()}`,
          PUBLIC_URL: 'https://localhost',
          EMAIL_SERVICE: 'smtp',
          EMAIL_FROM: 'a@example.com',
          SMTP_HOST: 'localhost',
          HOST: '127.0.0.1',
          DATABASE_URL: `postgresql://postgres:quokka-lantern@127.0.0.1:${dbPort}/auth_db`,
          PATH: `${process.execPath.replace(/\/node$/, '')}:${process.env.PATH}`,
          ...(await secrets(t)),
        };
        const pm2 = (args: string, more = {}) =>
          t.sh(`${t.scratch}/node_modules/.bin/pm2 ${args}`, { env: { ...env, ...more } });
        t.after(() => pm2('kill'));
        await pm2(`start ${t.deploy}/pm2/ecosystem.config.cjs --env production`);
        for (const one of [port, port + 1])
          await t.sh(`until curl -fsS -m 2 -o /dev/null http://127.0.0.1:${one}/ready 2>/dev/null; do sleep 0.3; done`);

        // Each drains: what it has taken it answers. A client that finds the port closed asks the other, as a proxy would.
        const load = startLoad({ url: `http://127.0.0.1:${port + 1}`, rate: 50, connections: 4, atMost: 60 });
        await pm2('reload auth-api-1');
        const { sent, failed } = await load.stop();
        t.figure('requests to the other during a reload', sent);
        assert.deepEqual(failed, {});
        assert.ok(sent > 10);

        await pm2('delete all');
        await pm2(`start ${t.deploy}/pm2/ecosystem.config.cjs --env production --only auth-api-1`, {
          PUBLIC_URL: 'nowhere',
        });
        await t.sh('sleep 3');
        const { stdout } = await pm2('jlist');
        const [one] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [
          { pm2_env: { status: string; restart_time: number } },
        ];
        assert.equal(one.pm2_env.status, 'stopped');
        t.figure('restarts with wrong settings', one.pm2_env.restart_time);
        assert.ok(one.pm2_env.restart_time <= 1);
      },
    },
  ],
};

async function secrets(t: RowContext): Promise<Record<string, string>> {
  await t.sh(`mkdir kit && cp ${t.deploy}/make-secrets.sh kit/ && kit/make-secrets.sh`);
  assert.ok(existsSync(`${t.scratch}/kit/secrets/encryption_key.txt`));
  const names = ['JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET', 'ENCRYPTION_KEY'];
  return Object.fromEntries(
    names.map((name) => [`${name}_FILE`, `${t.scratch}/kit/secrets/${name.toLowerCase()}.txt`]),
  );
}
