// engines: none
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

const folder = join(import.meta.dirname, '../release');
const scripts = ['rolling.sh', 'blue-green.sh', 'canary.sh', 'rollback.sh', 'scale.sh', 'status.sh', 'pool.sh'];

// Whatever is refused here is refused before Docker is asked: there is none on this path.
const bin = mkdtempSync(join(tmpdir(), 'auth-api-release-'));
after(() => rmSync(bin, { recursive: true, force: true }));
writeFileSync(join(bin, 'docker'), '#!/bin/sh\necho asked >> "$DOCKER_ASKED"\nexit 1\n', { mode: 0o755 });
const asked = join(bin, 'asked');

function run(script: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(join(folder, script), args, {
    cwd: '/',
    encoding: 'utf8',
    env: { PATH: `${bin}:${process.env.PATH}`, DOCKER_ASKED: asked },
  });
}

/** A line of bash in which the functions of a script are known. */
function bash(source: string, line: string, input = '', deploy = ''): string {
  const move = deploy === '' ? '' : `DEPLOY='${deploy}'; LIVE="$DEPLOY/nginx/live";`;
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-euo', 'pipefail', '-c', `. "${join(folder, source)}"; ${move} ${line}`],
    {
      input,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

describe('what the release scripts are told', () => {
  for (const script of scripts)
    test(`${script} --help says how it is used and what its exit codes mean`, () => {
      const { status, stdout, stderr } = run(script, ['--help']);
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`^usage: ${script}`));
      assert.match(stdout, /Exit codes: 0 done/);
    });

  const images = ['auth-api', 'auth-api:latest', 'registry.example:5000/auth-api', 'registry.example/auth-api:latest'];
  for (const image of images)
    test(`${image} is refused: it can mean another image tomorrow`, () => {
      for (const command of [['rolling.sh'], ['blue-green.sh', 'deploy'], ['canary.sh'], ['rollback.sh']]) {
        const { status, stderr } = run(command[0] as string, [...command.slice(1), image]);
        assert.equal(status, 64);
        assert.match(stderr, /can mean another image tomorrow/);
      }
    });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['rolling.sh', [], /which image/],
    ['rolling.sh', ['a:1', 'b:2'], /not both a:1 and b:2/],
    ['rolling.sh', ['a:1', '--batch', '0'], /--batch takes a whole number from 1 to 50/],
    ['rolling.sh', ['a:1', '--patience', 'long'], /--patience takes seconds or minutes/],
    ['rolling.sh', ['a:1', '--patience'], /--patience takes a value/],
    ['rolling.sh', ['a:1', '--fast'], /no option --fast/],
    ['rolling.sh', ['a;reboot:1'], /not the name of an image/],
    ['blue-green.sh', [], /which image/],
    ['blue-green.sh', ['back', 'finish'], /one thing at a time/],
    ['blue-green.sh', ['back', 'a:1'], /back takes no image/],
    ['blue-green.sh', ['a:1', '--max-errors', '1.5'], /--max-errors takes a whole number/],
    ['canary.sh', ['a:1', '--share', '10', '--steps', '20'], /either --share or --steps/],
    ['canary.sh', ['a:1', '--share', '100'], /from 1 to 99/],
    ['canary.sh', ['a:1', '--steps', '10,50,25'], /--steps go up/],
    ['canary.sh', ['a:1', '--steps', ','], /shares in percent/],
    ['canary.sh', ['a:1', '--hold'], /--hold takes a --share/],
    ['canary.sh', ['share'], /share takes a whole number from 0 to 99, not ""/],
    ['canary.sh', ['a:1', '--enough', '0'], /--enough takes a whole number/],
    ['scale.sh', [], /takes a whole number from 1 to 50/],
    ['scale.sh', ['0'], /not "0"/],
    ['scale.sh', ['3', '4'], /not both 3 and 4/],
    ['status.sh', ['now'], /takes no arguments/],
    ['pool.sh', ['--print', 'split', '101'], /from 0 to 100/],
    ['pool.sh', ['--print', 'pinned', '3'], /usage/],
  ];
  for (const [script, args, reason] of wrong)
    test(`${[script, ...args].join(' ')} is refused, and nothing is touched`, () => {
      const { status, stderr } = run(script, args);
      assert.equal(status, 64, stderr);
      assert.match(stderr, reason);
      assert.throws(() => statSync(asked), 'Docker was asked');
    });

  test('an image with a tag or a digest is taken', () => {
    for (const image of [
      'auth-api:1.4.2',
      'registry.example:5000/auth-api:main-1',
      `auth-api@sha256:${'0'.repeat(64)}`,
    ])
      bash('lib.sh', `require_image_name ${image}`);
  });

  test('without an engine they say so', () => {
    const { status, stderr } = run('rolling.sh', ['a:1']);
    assert.equal(status, 69);
    assert.match(stderr, /rolling\.sh: the Docker engine does not answer/);
    rmSync(asked);
  });
});

describe('who gets the requests', () => {
  const print = (...args: string[]): string => run('pool.sh', ['--print', ...args]).stdout;

  test('the state between releases is the one that prepare.sh starts with', () => {
    assert.equal(print('blue'), readFileSync(join(folder, '../nginx/pool.default.conf'), 'utf8'));
  });

  test('a share is drawn by the client, and a header comes first', () => {
    const text = print('split', '10');
    assert.match(text, /^# state: split 10\n/);
    assert.match(
      text,
      /split_clients "\$\{remote_addr\}\$\{http_user_agent\}" \$drawn \{\n {4}10% green;\n {4}\* {3}blue;\n\}/,
    );
    assert.match(
      text,
      /map \$http_x_canary \$pool \{\n {4}always {2}green;\n {4}never {3}blue;\n {4}default \$drawn;\n\}/,
    );
    assert.match(
      text,
      /upstream green \{[^}]*server app-green:3000 resolve max_fails[^}]*server app:3000 resolve backup /,
    );
  });

  test('none and all need no draw', () => {
    assert.match(print('split', '0'), /default blue;/);
    assert.match(print('split', '100'), /default green;/);
    assert.doesNotMatch(print('split', '0') + print('split', '100'), /split_clients/);
  });

  test('while replicas are replaced nobody is found by name; then both ways, so that no moment is without a server', () => {
    const pinned = print('pinned', '2', '10.0.0.5', '10.0.0.6');
    assert.match(pinned, /^# state: pinned 2\n/);
    assert.deepEqual(pinned.match(/server \S+/g), ['server 10.0.0.5:3000', 'server 10.0.0.6:3000']);
    const settling = print('settling', '1', '10.0.0.5');
    assert.deepEqual(settling.match(/server \S+( resolve)?/g), ['server 10.0.0.5:3000', 'server app:3000 resolve']);
  });
});

describe('the verdict on a new image', () => {
  const verdict = (figures: string): string => bash('watch.sh', `judge 100 1 3 ${figures}`).trim();

  test('is fine where both sides are alike', () => {
    assert.equal(verdict('900 9 0.020 100 1 0.021'), 'fine');
  });
  test('waits for enough requests', () => {
    assert.equal(verdict('900 0 0.020 99 1 0.020'), 'few');
    assert.equal(verdict('0 0 0.000 0 0 0.000'), 'few');
  });
  test('is worse with more errors than the former image has, and at once where they are many', () => {
    assert.match(verdict('900 0 0.020 200 3 0.020'), /^worse: 3 of 200 requests to the new image went wrong, 0 of 900/);
    assert.match(verdict('900 0 0.020 4 4 0.020'), /^worse: 4 of 4/);
    assert.equal(verdict('900 0 0.020 4 2 0.020'), 'few');
    assert.equal(verdict('900 180 0.020 200 40 0.020'), 'fine');
  });
  test('is worse where it is much slower, which a few milliseconds are not', () => {
    assert.match(verdict('900 0 0.100 200 0 0.700'), /^worse: 95 of 100 requests take the new image up to 700 ms/);
    assert.equal(verdict('900 0 0.002 200 0 0.040'), 'fine');
  });

  test('counts what nginx logs: what a server had to save was wrong, and what nginx answers itself is nobody’s', () => {
    const line = (fields: object): string => JSON.stringify({ method: 'GET', path: '/x","pool":"green', ...fields });
    const log = [
      line({ status: 200, seconds: 0.01, pool: 'blue', upstream: '10.0.0.1:3000', upstream_status: '200' }),
      line({ status: 404, seconds: 0.03, pool: 'blue', upstream: '10.0.0.1:3000', upstream_status: '404' }),
      line({ status: 500, seconds: 0.02, pool: 'green', upstream: '10.0.0.2:3000', upstream_status: '500' }),
      line({
        status: 200,
        seconds: 0.5,
        pool: 'green',
        upstream: '10.0.0.2:3000, 10.0.0.1:3000',
        upstream_status: '502, 200',
      }),
      line({ status: 429, seconds: 0, pool: 'green', upstream: '', upstream_status: '' }),
      'a line of nginx itself',
    ];
    assert.equal(bash('watch.sh', 'awk "$SHORTEN" | tally', log.join('\n')).trim(), '2 0 0.030 2 2 0.500');
  });
});

describe('what a release leaves in .env', () => {
  const deploy = mkdtempSync(join(tmpdir(), 'auth-api-release-'));
  after(() => rmSync(deploy, { recursive: true, force: true }));
  mkdirSync(join(deploy, 'nginx/live'), { recursive: true });
  const file = join(deploy, '.env');
  const keep = (line: string): string => {
    bash('green.sh', line, '', deploy);
    return readFileSync(file, 'utf8');
  };

  test('the image and the former one; the rest of the file stays as it is', () => {
    writeFileSync(file, '# mine\nHTTPS_PORT=8443\nAPP_IMAGE="a:1"\n', { mode: 0o640 });
    assert.equal(bash('lib.sh', 'setting APP_IMAGE', '', deploy), 'a:1\n');
    assert.equal(keep('keep_image a:2 a:1'), '# mine\nHTTPS_PORT=8443\nAPP_IMAGE=a:2\nAPP_IMAGE_PREVIOUS=a:1\n');
    assert.equal(statSync(file).mode & 0o777, 0o640);
    assert.match(keep('keep_image a:2 a:2'), /APP_IMAGE=a:2\n/);
    assert.match(readFileSync(file, 'utf8'), /APP_IMAGE_PREVIOUS=a:1\n/);
  });

  test('the profile of the second colour comes and goes beside others', () => {
    writeFileSync(file, 'COMPOSE_PROFILES=monitoring\n');
    const come = 'keep_settings "COMPOSE_PROFILES=$(profiles_with_green)"';
    assert.equal(keep(come), 'COMPOSE_PROFILES=monitoring,green\n');
    assert.equal(keep(come), 'COMPOSE_PROFILES=monitoring,green\n');
    const go = 'keep_settings "COMPOSE_PROFILES=$(profiles_without_green)"';
    assert.equal(keep(go), 'COMPOSE_PROFILES=monitoring\n');
    writeFileSync(file, 'COMPOSE_PROFILES=green\n');
    assert.equal(keep(go), '');
  });
});
