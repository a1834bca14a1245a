import assert from 'node:assert/strict';
import { copyCheckout } from '../checkout.ts';
import type { Area } from '../row.ts';
import { APP_IMAGE } from '../stack.ts';

const INSPECT = `docker image inspect ${APP_IMAGE}`;

export const image: Area = {
  name: 'image',
  title: 'The image',
  needs: ['app-image'],
  rows: [
    {
      name: 'is built from a clean clone, without the cache, and again from it',
      timeout: 300,
      async run(t) {
        await t.sh('mkdir clone');
        await copyCheckout(t.root, `${t.scratch}/clone`);
        const cold = performance.now();
        await t.sh('docker build -q --no-cache -t auth-api-test-image:cold clone', { seconds: 280 });
        t.figure('without cache, s', ((performance.now() - cold) / 1000).toFixed(1));
        t.after(() => t.sh('docker image rm -f auth-api-test-image:cold'));
        await t.sh('echo "// changed" >> clone/server/src/cli/health.ts');
        const warm = performance.now();
        await t.sh('docker build -q -t auth-api-test-image:cold clone', { seconds: 120 });
        t.figure('after a change, s', ((performance.now() - warm) / 1000).toFixed(1));
      },
    },
    {
      name: 'holds the server and nothing that is not needed to run it',
      async run(t) {
        const { stdout } = await t.sh(`${INSPECT} --format '{{json .}}'`);
        const { Config, Size, RootFS } = JSON.parse(stdout);
        assert.equal(Config.User, '1000:1000');
        assert.deepEqual(Config.Healthcheck.Test.slice(0, 2), ['CMD', 'node']);
        for (const label of ['title', 'version', 'revision', 'created', 'licenses'])
          assert.ok(Config.Labels[`org.opencontainers.image.${label}`], label);
        const { stdout: files } = await t.sh(
          `docker run --rm --network none --entrypoint node ${APP_IMAGE} -e '
            const { globSync } = require("node:fs");
            console.log(JSON.stringify(globSync("**", { cwd: "/app", exclude: (name) => name === ".cache" })))'`,
        );
        const all = JSON.parse(files) as string[];
        for (const forbidden of [/\.test\.ts$/, /test-kit/, /(^|\/)\.env/, /\.git\//, /\.key$/, /deploy\//])
          assert.deepEqual(
            all.filter((path) => forbidden.test(path)),
            [],
            `${forbidden}`,
          );
        const development = ['@biomejs', 'typescript', 'knip', 'playwright-core', 'smtp-server', 'dependency-cruiser'];
        for (const name of development) assert.ok(!all.includes(`node_modules/${name}`), name);
        const sbom = await t.sh(`docker run --rm --network none --entrypoint cat ${APP_IMAGE} /app/sbom.cdx.json`);
        const { bomFormat, components } = JSON.parse(sbom.stdout);
        assert.equal(bomFormat, 'CycloneDX');
        assert.ok(components.some(({ name }: { name: string }) => name === 'fastify'));
        const own = await t.sh(
          `docker history --format '{{.Size}} {{.CreatedBy}}' ${APP_IMAGE} | grep 'COPY /app' | cut -d ' ' -f 1`,
        );
        t.figure('size, MB', Math.round(Size / 1e6));
        t.figure('of which ours', own.stdout.trim());
        t.figure('layers', RootFS.Layers.length);
        t.figure('components in the SBOM', components.length);
      },
    },
    {
      name: 'cannot change what it runs, has no package manager, and says what is wrong with its settings',
      async run(t) {
        const node = `docker run --rm --network none --read-only --entrypoint node ${APP_IMAGE} -e`;
        const write = await t.sh(`${node} 'require("node:fs").writeFileSync("/app/server/src/x", "")'`, { ok: false });
        assert.match(write.stderr, /EROFS/);
        const owned = await t.sh(
          `docker run --rm --network none --entrypoint node ${APP_IMAGE} -e 'require("node:fs").writeFileSync("/app/server/src/x", "")'`,
          { ok: false },
        );
        assert.match(owned.stderr, /EACCES/);
        const npm = await t.sh(`docker run --rm --network none --entrypoint npm ${APP_IMAGE} --version`, { ok: false });
        assert.notEqual(npm.status, 0);
        const bare = await t.sh(`docker run --rm --network none --read-only ${APP_IMAGE}`, { ok: false });
        assert.equal(bare.status, 78);
        for (const name of ['PUBLIC_URL', 'SESSION_SECRET', 'ENCRYPTION_KEY'])
          assert.match(bare.stderr + bare.stdout, new RegExp(name));
      },
    },
    {
      name: 'serves alone with the embedded database, is healthy, and ends on SIGTERM with 0',
      async run(t) {
        const id = 'auth-api-test-image-alone';
        t.after(() => t.sh(`docker rm -f -v ${id}`, { ok: false }));
        await t.sh(
          `docker run -d --name ${id} --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges -v /app/data \\
            -e NODE_ENV=development -e LOG_FORMAT=json --health-interval 1s ${APP_IMAGE}`,
        );
        await t.sh(`until [ "$(docker inspect -f '{{.State.Health.Status}}' ${id})" = healthy ]; do sleep 0.3; done`, {
          seconds: 60,
        });
        const { stdout } = await t.sh(`docker exec ${id} node -e 'console.log(process.getuid(), process.getgid())'`);
        assert.equal(stdout.trim(), '1000 1000');
        const memory = await t.sh(`docker stats --no-stream --format '{{.MemUsage}}' ${id}`);
        t.figure('memory, embedded', memory.stdout.split('/')[0]?.trim() ?? '?');
        const began = performance.now();
        await t.sh(`docker stop -t 20 ${id}`);
        t.figure('stop, s', ((performance.now() - began) / 1000).toFixed(1));
        assert.equal((await t.sh(`docker inspect -f '{{.State.ExitCode}}' ${id}`)).stdout.trim(), '0');
      },
    },
  ],
};
