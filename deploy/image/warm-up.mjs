/**
 * Part of the image's build: reads every module of the program once, so that the compiled code lies in the image.
 * Node keeps it per user, so this runs as the user that the server runs as.
 */
import { globSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

enableCompileCache('/app/node_modules/.cache/auth-api');
const modules = globSync('server/src/**/*.ts', { cwd: '/app' }).filter((path) => !path.endsWith('cli/main.ts'));
for (const path of modules) await import(pathToFileURL(join('/app', path)).href);
flushCompileCache();
process.stdout.write(`${modules.length} modules compiled\n`);
process.exit();
