// engines: none
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PASSWORD, register, serviceEnv, spawnServer } from './processes.ts';
import { atEnd, scratchFolder } from './programs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { bundleFolder, findBundle } = await import('../bundle/find.mjs' as string);
const { makeBundle } = await import('../bundle/make.mjs' as string);

/** A checkout whose program says where it runs from and waits to be told to end. */
function smallCheckout(): { root: string; source: string; run(): Promise<{ file: string; source: string }> } {
  const root = scratchFolder();
  const source = join(root, 'server', 'src', 'cli', 'main.ts');
  mkdirSync(join(root, 'server', 'src', 'cli'), { recursive: true });
  for (const part of ['bin', 'bundle'])
    cpSync(join(ROOT, 'server', part), join(root, 'server', part), { recursive: true });
  writeFileSync(
    source,
    'const source: string = import.meta.url;\nconsole.log(JSON.stringify([process.argv[1], source]));\n',
  );
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  const run = async () => {
    const { stdout } = await output([join(root, 'server', 'bin', 'auth-api.mjs')]);
    const [file, url] = JSON.parse(stdout);
    return { file, source: fileURLToPath(url) };
  };
  return { root, source, run };
}

function output(args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, args, { cwd: scratchFolder(), env: { PATH }, stdio: 'pipe' });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text) => {
      texts[name] += text;
    });
  return new Promise((done) => child.once('close', (code) => done({ code, ...texts })));
}

test('the bundle runs while it is of this source and this lock; otherwise the source does', async () => {
  const { root, source, run } = smallCheckout();
  assert.deepEqual(await run(), { file: source, source });
  const folder = await makeBundle(root);
  assert.equal(findBundle(root), folder);
  assert.deepEqual(await run(), { file: join(folder, 'main.mjs'), source });
  assert.ok(existsSync(join(folder, 'compiled')), 'its compiled code is kept with it');

  writeFileSync(join(root, 'server', 'src', 'some.test.ts'), '');
  assert.equal(findBundle(root), folder, 'tests are no part of it');
  for (const change of [
    () => utimesSync(source, 1, 1),
    () => writeFileSync(join(root, 'server', 'src', 'new.ts'), ''),
    () => writeFileSync(join(root, 'package-lock.json'), '{ }'),
  ]) {
    change();
    assert.equal(findBundle(root), null);
    assert.deepEqual(await run(), { file: source, source });
    await makeBundle(root);
    assert.notEqual(findBundle(root), null);
  }
});

test('made by several at once it is there once and whole; what nobody runs from any more goes', async () => {
  const { root, source } = smallCheckout();
  const old = await makeBundle(root);
  utimesSync(source, 1, 1);
  const used = await makeBundle(root);
  assert.equal(existsSync(old), false);
  mkdirSync(join(used, 'running'));
  writeFileSync(join(used, 'running', `${process.pid}`), '');
  const dead = (await output(['-p', 'process.pid'])).stdout.trim();
  mkdirSync(`${old}-${dead}-00000000`);

  utimesSync(source, 2, 2);
  const folders = await Promise.all([makeBundle(root), makeBundle(root), makeBundle(root)]);
  assert.deepEqual(new Set(folders), new Set([bundleFolder(root)]));
  const kept = readdirSync(join(root, 'node_modules', '.cache', 'auth-api')).map((name) => `${name}`);
  assert.deepEqual(new Set(kept), new Set([used, folders[0]].map((folder) => folder.split('/').at(-1))));
});

test('where it cannot be made nothing is left behind, and the source runs', async () => {
  const { root, source, run } = smallCheckout();
  writeFileSync(join(root, 'server', 'src', 'cli', 'main.ts'), `import './missing.ts';\n`);
  await assert.rejects(makeBundle(root), /missing/);
  assert.deepEqual(readdirSync(join(root, 'node_modules', '.cache', 'auth-api')), []);
  writeFileSync(source, 'console.log(JSON.stringify([process.argv[1], import.meta.url]));\n');
  rmSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(join(root, 'node_modules'), ''); // no folder can be made in it
  await assert.rejects(makeBundle(root), /ENOTDIR|EEXIST/);
  assert.deepEqual(await run(), { file: source, source });
});

// Below the checkout, where the packages that stay packages are found.
const program = join(ROOT, 'node_modules', '.cache', `auth-api-test-${process.pid}`, 'cache', 'program');
const main = join(program, 'main.mjs');
before(async () => {
  atEnd(() => rmSync(join(program, '..', '..'), { recursive: true, force: true }));
  await makeBundle(ROOT, program);
});

test('the program says the same from its bundle as from its source, and shows no stack for a fault of its user', async () => {
  const source = join(ROOT, 'server', 'src', 'cli', 'main.ts');
  for (const words of [
    ['--version'],
    ['--help'],
    ['serve', '--help'],
    ['openapi'],
    ['users', 'lst'],
    ['serve', '--prot'],
  ]) {
    const [made, written] = await Promise.all([output([main, ...words]), output([source, ...words])]);
    assert.deepEqual(made, written, words.join(' '));
    assert.doesNotMatch(made.stderr, /\n\s+at /);
  }
});

test('what stays a package is found, the same one as from the source; of a CommonJS one only the default is taken', () => {
  const fromBundle = createRequire(main);
  const fromSource = createRequire(join(ROOT, 'server', 'src', 'app.ts'));
  const files = readdirSync(program).filter((name) => name.endsWith('.mjs'));
  const texts = files.map((name) => readFileSync(join(program, name), 'utf8'));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/(?:from|import\()\s*"(@?[a-z][^":]*)"/g)].map((match) => match[1] as string),
  );
  // @node-rs/xxhash is asked for by @redis/client and not installed.
  const packages = [...new Set(names)].filter((name) => name.startsWith('@') && name !== '@node-rs/xxhash');
  assert.ok(packages.includes('@node-rs/argon2') && packages.includes('@electric-sql/pglite'), packages.join(' '));
  for (const name of packages) assert.equal(fromBundle.resolve(name), fromSource.resolve(name), name);
  // `await import` of one gives no other names in a bundle: each is looked at by hand, and these two are right.
  const commonJs = files.filter((_, index) => /export default require_\w+\(\)/.test(texts[index] ?? ''));
  const kinds = commonJs.map((name) => name.split('-')[0]).sort();
  assert.deepEqual(kinds, ['dist', 'lib']); // @redis/client, qrcode
});

const READS_ITS_NAME = /\bclass _\w+(?: extends \w+)?\{[^{}]*\{[^{}]*this\.constructor\.name/;
test('no class that reads its own name has got another', () => {
  for (const name of readdirSync(program).filter((file) => file.endsWith('.mjs')))
    assert.doesNotMatch(readFileSync(join(program, name), 'utf8'), READS_ITS_NAME, name);
});

test('it serves: an account on the embedded database, pages, a clean end', async () => {
  const server = await spawnServer(serviceEnv(), {}, main);
  await server.ready();
  const person = await register(server);
  assert.equal((await server.get('/me', { bearer: person.access })).status, 200);
  const signedIn = await server.post('/auth/login', { email: person.email, password: PASSWORD });
  assert.equal(signedIn.status, 200);
  assert.equal((await server.call('GET', '/docs')).status, 200);
  assert.equal((await server.call('GET', '/docs/style.css')).status, 200);
  assert.deepEqual(await server.kill('SIGTERM'), { code: 0, signal: null });
  assert.doesNotMatch(server.errors(), /\n\s+at /);
});

test('every file of it can be read on its own', async () => {
  const files = readdirSync(program).filter((name) => name.endsWith('.mjs') && name !== 'main.mjs');
  const urls = JSON.stringify(files.map((name) => pathToFileURL(join(program, name)).href));
  const code = `for (const url of ${urls}) await import(url); process.exit(0)`;
  const { code: exit, stderr } = await output(['--input-type=module', '-e', code]);
  assert.equal(exit, 0, stderr);
});
