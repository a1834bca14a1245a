/**
 * Makes the program of server/src into few files: `npm run build`, and `npm start` where there is none of the present
 * source. With a folder as its argument it makes them there, for an image.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFolder, isWhole } from './find.mjs';

/** What stays a package, because it is machine code or reads files beside its own, and what is hardly ever loaded. */
const EXTERNAL = [
  '@node-rs/*',
  '@electric-sql/pglite',
  '@aws-sdk/*',
  '@simplewebauthn/server', // its ASN.1 looks at the names of classes, which esbuild may change
  'pg-native', // not installed: pg asks for it in vain
];

const REQUIRE =
  "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);";

/** The folder with `main.mjs`. It appears whole or not at all; where somebody else has just made it, theirs stays. */
export async function makeBundle(root, folder = bundleFolder(root)) {
  if (folder === null) throw new Error('there is no source here to make the program of');
  const unfinished = `${folder}-${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await bundle(root, unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!isWhole(folder)) throw error;
  }
  if (basename(folder).startsWith('program-')) deleteOld(folder);
  return folder;
}

async function bundle(root, folder) {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'server', 'src', 'cli', 'main.ts')],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true, // what is imported when it is needed stays a file of its own
    format: 'esm',
    platform: 'node',
    target: 'node24.11',
    external: EXTERNAL,
    banner: { js: REQUIRE },
    // Names stay, so that stacks can be read; with NODE_OPTIONS=--enable-source-maps they name the lines of the source.
    minifyWhitespace: true, // Node holds the text in memory, twice
    lineLimit: 120,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none', // the packages stay beside it, with their licences
    logLevel: 'silent',
    plugins: [keepPlaces(root, folder)],
  });
}

/** `import.meta.url` goes on meaning the source file: texts, pages and migrations are read from beside it. */
function keepPlaces(root, folder) {
  const source = join(root, 'server', 'src') + sep;
  const place = (path) => JSON.stringify(relative(folder, path).split(sep).join('/'));
  return {
    name: 'keep-places',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!path.startsWith(source)) return undefined;
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta.url')) return undefined;
        const contents = text.replaceAll('import.meta.url', `new URL(${place(path)}, import.meta.url).href`);
        return { contents, loader: 'ts' };
      }),
  };
}

/** Deletes bundles of other sources that no server runs from, and what a process that is gone left unfinished. */
function deleteOld(folder) {
  const parent = dirname(folder);
  for (const name of readdirSync(parent)) {
    const found = /^program-[0-9a-f]+(?:-(?<maker>\d+)-[0-9a-f]+)?$/.exec(name);
    if (!found || name === basename(folder)) continue;
    const users = found.groups.maker ? [found.groups.maker] : runningFrom(join(parent, name));
    if (!users.some(isAlive)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function runningFrom(folder) {
  try {
    return readdirSync(join(folder, 'running'));
  } catch {
    return [];
  }
}

function isAlive(pid) {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = await makeBundle(root, process.argv[2] && resolve(process.argv[2]));
  process.stdout.write(`The program is in ${relative(process.cwd(), folder)}\n`);
}
