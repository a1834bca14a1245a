import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { problem, STATUS } from './problem.mjs';

const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

/**
 * Runs npm under the given Node, without a shell, and turns what goes wrong into words. npm's own settings (registry,
 * proxy, certificates) stay as they are: a global npmrc is found by the place of the Node that runs npm, so that place is
 * named where another Node runs it.
 */
export function npm(node, args, cwd) {
  const script = findNpm();
  const env = { ...process.env };
  const globalSettings = join(dirname(process.execPath), '..', 'etc', 'npmrc');
  if (!env.npm_config_globalconfig && existsSync(globalSettings)) env.npm_config_globalconfig = globalSettings;
  return new Promise((resolve, reject) => {
    const child = spawn(node, [script, ...args, ...QUIET], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors = (errors + chunk).slice(-8000);
    });
    let isInterrupted = false;
    const stop = (signal) => {
      isInterrupted = true;
      child.kill(signal);
      setTimeout(() => child.kill('SIGKILL'), 3000).unref();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    child.on('error', reject);
    child.on('close', (code) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (isInterrupted) {
        reject(problem(130, 'Interrupted while installing; the next start begins the installation again.'));
      } else if (code === 0) resolve();
      else reject(failure(errors, code));
    });
  });
}

/** npm's script: the npm that called us, else the one beside this Node, else the one on PATH. */
function findNpm() {
  const beside = join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const prefixed = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'npm'));
  for (const candidate of [process.env.npm_execpath ?? '', beside, prefixed, ...onPath]) {
    if (!candidate || !existsSync(candidate)) continue;
    const script = realpathSync(candidate);
    if (script.endsWith('npm-cli.js')) return script;
  }
  throw problem(
    STATUS.unavailable,
    'npm was not found, and packages have to be installed.',
    'Install npm (on Debian: `apt install npm`), then run this again.',
  );
}

const KNOWN = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT/,
    STATUS.unavailable,
    'The package registry cannot be reached.',
    'Check the network and npm’s settings (`npm config get registry`, `npm config get proxy`), then run this again.',
  ],
  [
    /CERT_|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/,
    STATUS.unavailable,
    'The certificate of the package registry is not trusted here.',
    'Where a proxy inspects traffic, give npm its certificate: `npm config set cafile /path/to/ca.pem`.',
  ],
  [
    /E40[13]\b/,
    STATUS.unavailable,
    'The package registry refuses: it asks for a sign-in.',
    'Check `npm config get registry` and run `npm login` for it.',
  ],
  [
    /E404|ETARGET|notarget/,
    STATUS.unavailable,
    'The package registry does not have a package that the lock names.',
    'Check `npm config get registry`: it must carry the public packages.',
  ],
  [/ENOSPC/, STATUS.cannotWrite, 'The disk is full.', 'About 500 MB are needed for the runtime and the packages.'],
  [
    /EACCES|EPERM|EROFS/,
    STATUS.cannotWrite,
    'The folder of the project cannot be written to.',
    'Run this as the user that owns the folder.',
  ],
  [
    /EUSAGE|in sync/,
    STATUS.configuration,
    'package-lock.json does not fit package.json.',
    'Run `npm install` and commit the lock, or restore both from version control.',
  ],
  [
    /EINTEGRITY/,
    STATUS.unavailable,
    'A downloaded package is not the one that the lock names.',
    'Run `npm cache verify` and try again.',
  ],
];

function failure(errors, code) {
  const known = KNOWN.find(([pattern]) => pattern.test(errors));
  const [, status, message, advice] = known ?? [
    null,
    STATUS.internal,
    `npm ended with exit code ${code}.`,
    'npm’s own words are above.',
  ];
  const words = errors.trim().split('\n').slice(-15).join('\n  ');
  process.stderr.write(`\n  ${words}\n`);
  return problem(status, message, advice);
}
