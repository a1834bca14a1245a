/**
 * Part of the image's build: reads every file of the program once, so that the compiled code lies in the image. Node
 * keeps it per user and V8 per flags, so this runs as the user that the server runs as, under its flags
 * (server/bin/auth-api.mjs).
 */
import { readdirSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

const folder = '/app/server/dist';
setFlagsFromString('--semi-space-growth-factor=1');
enableCompileCache(`${folder}/compiled`);
const files = readdirSync(folder).filter((name) => name.endsWith('.mjs') && name !== 'main.mjs');
for (const name of files) await import(`${folder}/${name}`);
flushCompileCache();
process.stdout.write(`${files.length} files compiled\n`);
process.exit();
