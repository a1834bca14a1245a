import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { badInputRows, servers } from '../compose/bad-input-rows.ts';
import { developmentRow } from '../compose/development-row.ts';
import { ask, keptAlive } from '../proxy/ask.ts';
import type { Area, RowContext } from '../row.ts';
import { type Stack, stack } from '../stack.ts';

interface Inspected {
  readonly Name: string;
  readonly Created: string;
  readonly Config: { User: string; Labels: Record<string, string> };
  readonly State: {
    StartedAt: string;
    FinishedAt: string;
    ExitCode: number;
    Running: boolean;
    Health?: { Status: string };
  };
  readonly HostConfig: {
    ReadonlyRootfs: boolean;
    CapDrop: string[] | null;
    SecurityOpt: string[] | null;
    Memory: number;
    NanoCpus: number;
    PortBindings: Record<string, { HostIp: string }[]>;
    LogConfig: { Config: Record<string, string> };
  };
}

// `up` waits for what others depend on; nobody depends on nginx.
const NGINX_HEALTHY = 'up -d --no-build --no-deps --no-recreate --wait nginx';

export const compose: Area = {
  name: 'compose',
  title: 'The stack of docker-compose.prod.yml',
  needs: ['stack'],
  rows: [
    {
      name: 'is up in order: databases, then the migration, then the servers, then nginx; a second `up` changes nothing',
      async run(t) {
        const at = await stack();
        await at.compose('config -q');
        await at.compose(NGINX_HEALTHY);
        const all = await inspected(t, at);
        const of = (service: string): Inspected[] => all.filter((one) => serviceOf(one) === service);
        const [migrate, nginx] = [of('migrate')[0], of('nginx')[0]];
        assert.equal(of('app').length, 3);
        assert.equal(migrate?.State.ExitCode, 0);
        for (const one of all)
          if (serviceOf(one) !== 'migrate') assert.equal(one.State.Health?.Status, 'healthy', one.Name);
        for (const app of of('app')) {
          assert.ok(app.State.StartedAt > (migrate?.State.FinishedAt ?? '~'), 'a server before the schema');
          assert.ok((nginx?.State.StartedAt ?? '') > app.State.StartedAt, 'nginx before a server');
        }
        const before = await servers(at);
        await at.compose('up -d --no-build');
        assert.deepEqual(await servers(at), before);
      },
    },
    {
      name: 'no container is root, can write outside its place, has a capability or is without limits; only nginx has a port',
      async run(t) {
        const at = await stack();
        for (const one of await inspected(t, at)) {
          const { HostConfig: host } = one;
          assert.match(one.Config.User, /^[1-9]\d*:[1-9]\d*$/, one.Name);
          assert.equal(host.ReadonlyRootfs, true, one.Name);
          assert.deepEqual(host.CapDrop, ['ALL'], one.Name);
          assert.ok(
            host.SecurityOpt?.some((option) => option.startsWith('no-new-privileges')),
            one.Name,
          );
          assert.ok(host.LogConfig.Config['max-size'], `${one.Name}: logs without end`);
          const ports = Object.values(host.PortBindings).flat();
          if (serviceOf(one) === 'nginx') assert.ok(ports.every(({ HostIp }) => HostIp === '127.0.0.1'));
          else assert.equal(ports.length, 0, one.Name);
          if (serviceOf(one) !== 'migrate') assert.ok(host.Memory > 0 && host.NanoCpus > 0, `${one.Name}: limits`);
        }
        for (const service of ['app', 'postgres', 'redis', 'nginx']) {
          const { stdout } = await at.compose(
            `exec -T ${service} grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/1/status`,
          );
          assert.equal(stdout.match(/Cap(Eff|Bnd):\s+0{16}$/gm)?.length, 2, service);
          const written = await at.compose(`exec -T ${service} sh -c 'echo x > /etc/x'`, { ok: false });
          assert.match(written.stderr, /Read-only file system/, service);
        }
        const network = await t.sh(`docker network inspect -f '{{.Internal}}' ${at.env.COMPOSE_PROJECT_NAME}_back`);
        assert.equal(network.stdout.trim(), 'true', 'the databases have no way out');
        t.figure('services', (await inspected(t, at)).length);
      },
    },
    {
      name: 'no secret is in an environment, an argument, a definition or a log, and every line of the servers and nginx is JSON',
      async run(t) {
        const at = await stack();
        const folder = join(at.folder, 'secrets');
        const secrets = readdirSync(folder)
          .filter((name) => name.endsWith('.txt'))
          .map((name) => [name, readFileSync(join(folder, name), 'utf8').trim()] as const);
        assert.ok(secrets.length >= 10);
        const ids = (await at.compose('ps -aq')).stdout.trim().split('\n').join(' ');
        // The database's own image keeps the superuser's password in its process's environment, where only it can look.
        const environments = `for service in app redis nginx; do
          docker compose -f docker-compose.prod.yml exec -T $service sh -c 'cat /proc/[0-9]*/environ 2>/dev/null || true' | tr '\\0' '\\n'; done
          for id in $(docker compose -f docker-compose.prod.yml ps -q); do docker top $id -o pid,args; done`;
        const seen = {
          'docker inspect': (await t.sh(`docker inspect ${ids}`)).stdout,
          'docker compose config': (await at.compose('config')).stdout,
          'environments and arguments': (await t.sh(environments, { cwd: at.folder, env: at.env })).stdout,
          logs: (await at.compose('logs --no-log-prefix --no-color')).stdout,
        };
        for (const [where, text] of Object.entries(seen)) {
          assert.ok(text.length > 500, where);
          for (const [name, value] of secrets) assert.ok(!text.includes(value), `${name} in ${where}`);
        }
        const { stdout } = await t.sh(
          `for id in $(docker compose -f docker-compose.prod.yml ps -q app nginx); do docker logs $id 2>/dev/null; done`,
          { cwd: at.folder, env: at.env },
        );
        const lines = stdout.trim().split('\n');
        for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), line);
        t.figure('lines', lines.length);
      },
    },
    {
      name: '`--scale app=5` and back: nginx uses the new servers and none that is gone, and no request fails',
      timeout: 240,
      async run(t) {
        const at = await stack();
        const load = startLoad(at);
        t.after(() => load.stop());
        const began = performance.now();
        await at.compose('up -d --no-build --no-recreate --scale app=5');
        t.figure('up, s', ((performance.now() - began) / 1000).toFixed(1));
        const five = await servers(at);
        assert.equal(five.length, 5);
        const since = Math.floor(Date.now() / 1000);
        await untilAllServe(t, five, since);
        await at.compose('up -d --no-build --no-recreate --scale app=3');
        await sleep(2000);
        const { asked, failed } = await load.stop();
        t.figure('requests', asked);
        t.figure('failed', failed.length);
        assert.deepEqual(failed, []);
        assert.equal((await servers(at)).length, 3);
      },
    },
    {
      name: '`down` and `up` keep accounts, passwords and keys',
      timeout: 240,
      async run(t) {
        const at = await stack();
        const password = 'kept-by-down-and-up-91';
        const account = { email: `kept-${Date.now()}@example.com`, password };
        await at.compose(
          `exec -T app node /app/server/bin/auth-api.mjs users create --email=${account.email} --password-stdin`,
          {
            stdin: `${password}\n`,
          },
        );
        const keys = (await ask(at, '/.well-known/jwks.json')).body;
        const began = performance.now();
        await at.compose('down');
        await at.compose('up -d --no-build');
        await at.compose(NGINX_HEALTHY);
        t.figure('down and up, s', ((performance.now() - began) / 1000).toFixed(1));
        const answer = await ask(at, '/api/v1/auth/login', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(account),
        });
        assert.equal(answer.status, 200, answer.body);
        assert.equal((await ask(at, '/.well-known/jwks.json')).body, keys);
      },
    },
    ...badInputRows,
    developmentRow,
  ],
};

const serviceOf = (one: Inspected): string => one.Config.Labels['com.docker.compose.service'] ?? '';

async function inspected(t: RowContext, at: Stack): Promise<Inspected[]> {
  const ids = (await at.compose('ps -aq')).stdout.trim().split('\n').join(' ');
  return JSON.parse((await t.sh(`docker inspect ${ids}`)).stdout);
}

/** A few requests a second that cost little, until it is stopped. */
function startLoad(at: Stack): { stop(): Promise<{ asked: number; failed: string[] }> } {
  const agent = keptAlive(4);
  const failed: string[] = [];
  let asked = 0;
  let isOn = true;
  const one = async (): Promise<void> => {
    while (isOn) {
      asked++;
      await ask(at, '/.well-known/jwks.json', { agent }).then(
        ({ status, body }) => status === 200 || failed.push(`${status} ${body.slice(0, 200)}`),
        (error: Error) => failed.push(error.message),
      );
      await sleep(60);
    }
  };
  const done = Promise.all([one(), one(), one(), one()]);
  return {
    async stop() {
      isOn = false;
      await done;
      agent.destroy();
      return { asked, failed };
    },
  };
}

async function untilAllServe(t: RowContext, ids: readonly string[], since: number): Promise<void> {
  for (const id of ids)
    await t.sh(`until docker logs --since ${since} ${id} 2>&1 | grep -q jwks.json; do sleep 0.3; done`, {
      seconds: 40,
    });
}
