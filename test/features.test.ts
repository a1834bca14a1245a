// engines: none
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');

/** What others are compared by; each has a row, and all but the last a test. */
const EXPECTED = [
  'TOTP',
  'SMS / e-mail code as second factor',
  'Backup / recovery codes',
  'WebAuthn as second factor',
  'Passkey as primary login',
  'Conditional-UI (autofill) passkeys',
  'Passkey-first sign-up without password',
  'Trusted device (skip MFA)',
  'Magic link',
  'E-mail code login',
  'Google + GitHub OAuth out of the box',
  'Any OIDC issuer as upstream',
  'Store and refresh upstream provider tokens',
  'Safe-by-default account linking',
];
const NOT_OFFERED = ['Adaptive / risk-based MFA', 'SMS code login', 'FedCM or Google One Tap'];

test('every feature of the list names a test of ours, by its exact name', () => {
  const sources = globSync(['server/{src,test}/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root }).map((path) =>
    readFileSync(join(root, path), 'utf8'),
  );
  const titles = new Set(
    sources.flatMap((source) =>
      [...source.matchAll(/\btest\(\s*(['"`])(.*?)\1,/gs)].map(([, , title]) =>
        (title as string).replaceAll("\\'", "'"),
      ),
    ),
  );
  assert.ok(titles.size > 500);
  const text = readFileSync(join(root, 'docs/reference/features.md'), 'utf8');
  const rows = new Map<string, string>();
  for (const [, feature, shown] of text.matchAll(/^\| ([^|]+?) \| ([^|]+?) \| [^|]*\|$/gm)) {
    if (feature !== 'Feature' && !/^-+$/.test(feature as string)) rows.set(feature as string, shown as string);
  }
  for (const [feature, shown] of rows) {
    if (NOT_OFFERED.includes(feature)) assert.equal(shown, '–', feature);
    else assert.ok(titles.has(shown), `${feature}: no test is called “${shown}”`);
  }
  for (const feature of [...EXPECTED, ...NOT_OFFERED]) assert.ok(rows.has(feature), `${feature} has no row`);
});
