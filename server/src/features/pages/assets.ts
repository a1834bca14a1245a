import { readFileSync } from 'node:fs';
import { sha256 } from '../../lib/bytes.ts';

export interface Asset {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
}

export interface Assets {
  readonly script: Asset;
  readonly signInScript: Asset;
  readonly style: Asset;
}

export function loadAssets(): Assets {
  return {
    script: load('pages', 'js', 'text/javascript'),
    signInScript: load('sign-in', 'js', 'text/javascript'),
    style: load('pages', 'css', 'text/css'),
  };
}

/** The name holds a hash of the content, so that a browser may keep the file for ever and never gets an old one. */
function load(name: string, extension: string, type: string): Asset {
  const body = readFileSync(new URL(`./assets/${name}.${extension}`, import.meta.url));
  const hash = sha256(body).toString('hex').slice(0, 16);
  return { path: `/assets/${name}-${hash}.${extension}`, type: `${type}; charset=utf-8`, body };
}
