import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Config } from '../../config/config.ts';
import type { Asset, Assets } from './assets.ts';
import { renderPage } from './page.ts';
import { pageTexts } from './texts.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const open = { access: 'public', limits: 'none', hidden: true } as const;

export function pageRoutes(
  app: FastifyInstance,
  config: Pick<Config, 'API_PREFIX' | 'PUBLIC_URL' | 'PASSWORD_MIN_LENGTH'>,
  assets: Assets,
): void {
  for (const text of pageTexts) {
    const body = renderPage(text, {
      prefix: config.API_PREFIX,
      site: new URL(config.PUBLIC_URL).host,
      passwordMinLength: config.PASSWORD_MIN_LENGTH,
      script: assets.script.path,
      signInScript: assets.signInScript.path,
      style: assets.style.path,
    });
    app.get(text.path, { config: open }, (_request, reply) => sendPage(reply, body));
  }
  for (const asset of [assets.script, assets.signInScript, assets.style]) {
    app.get(asset.path, { config: open }, (_request, reply) => sendAsset(reply, asset));
  }
}

function sendPage(reply: FastifyReply, body: string): FastifyReply {
  return reply
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': 'no-referrer',
      // A page in which a password was typed is not to come back with the back button.
      'cache-control': 'no-store',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'x-robots-tag': 'noindex',
    })
    .send(body);
}

function sendAsset(reply: FastifyReply, asset: Asset): FastifyReply {
  return reply
    .headers({
      'content-type': asset.type,
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    .send(asset.body);
}
