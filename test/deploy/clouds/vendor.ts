/**
 * The vendors' own descriptions of their interfaces, out of packages that they publish on npm: fetched for the run,
 * held to a checksum, never installed. Only data is read out of them, but for the parser of Terraform's language.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowContext } from '../row.ts';

const CHECKSUMS: Readonly<Record<string, string>> = {
  '@azure/arm-containerinstance@9.1.0':
    'N9T3/HJwWXvJuz7tin+nO+DYYCTGHILJ5Die3TtdF8Wd1ITfXGqB0vY/wOnspUu/AGojhaIKGmawAfPdw2kX8w==',
  '@azure/arm-appcontainers@3.0.0':
    'kZ5C5rf4GvKf0gGVLkkOa77NYihn779Z4ikSItgJXz2Dsvilf2INFMb8QI25a+Vgz8OGR4zj4w9Xzhv9ozKeRg==',
  '@google-cloud/cloudbuild@6.1.0':
    'Ob9oJRchVp7mbqWNEXo52HWYk+CoroIZ2dfurh8kv6qD6xazBt0JHrXzzRTnFZBBj691YIAeCcG+GxbwYHHfKQ==',
  '@cdktf/hcl2json@0.21.0': 'cwX3i/mSJI/cRrtqwEPRfawB7pXgNioriSlkvou8LWiCrrcDe9ZtTbAbu8W1tEJQpe1pnX9VEgpzf/BbM7xF8Q==',
  '@cdktf/provider-google@16.12.1':
    'KqNA/5RiFT07r0PSZ6/07cJ2zESUgbj1JchVj21iBFBZVUbD+578xA/k8eq/r0cbyEgLmg9eYWeVslaYah4DCQ==',
  '@cdktf/provider-azurerm@14.23.1':
    '3H20Ozj7dOKmIj6mqorHZEjLNo5wO/MBEVHwu6k53fln/0EciGQa9sDLWBYSb0o40Ycpih9lFp/k6SGRbFlQVg==',
};

/** The folder with `paths` of a package in it (shell patterns of tar; nothing named: all of it). */
export async function vendorFiles(t: RowContext, name: string, ...paths: readonly string[]): Promise<string> {
  const wanted = CHECKSUMS[name];
  assert.ok(wanted, `${name} has no checksum here`);
  const folder = join(t.scratch, name.replaceAll(/[@/]/g, '_'));
  const packing = `mkdir -p ${folder} && cd ${folder} && npm pack --silent ${name}`;
  const { stdout } = await t.sh(packing, { seconds: 90 });
  const archive = join(folder, stdout.trim().split('\n').at(-1) ?? '');
  const found = createHash('sha512').update(readFileSync(archive)).digest('base64');
  assert.equal(found, wanted, `${name} is not what it was when this was written`);
  const only = paths.map((path) => `'${join('package', path)}'`).join(' ');
  await t.sh(`tar xzf ${archive} -C ${folder} ${paths.length > 0 ? '--wildcards' : ''} ${only} && rm ${archive}`);
  return join(folder, 'package');
}

export type Json = { readonly [key: string]: unknown };

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What stands under the keys; undefined where nothing does. */
export function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[key];
  }
  return found;
}
