import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { pages } from './index.ts';

const config = { API_PREFIX: '/api/v1', PUBLIC_URL: 'https://auth.example.com', PASSWORD_MIN_LENGTH: 12 };

const operations: Record<string, string> = {
  '/verify-email': '/api/v1/auth/verify-email',
  '/reset-password': '/api/v1/auth/password/reset',
  '/confirm-email': '/api/v1/email/confirm',
  '/undo-email': '/api/v1/email/undo',
  '/magic-link': '/api/v1/auth/magic-link/verify',
  '/veto-factor-reset': '/api/v1/auth/factor-reset/veto',
  '/setup': '/api/v1/setup',
};

function freshApp(settings = config) {
  const app = fastify();
  pages({ config: settings }).routes(app);
  return app;
}

function assetPaths(page: string): string[] {
  return [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
}

test('each link of a mail has its page, which names the operation that its button calls', async () => {
  const app = freshApp();
  for (const [path, operation] of Object.entries(operations)) {
    const answer = await app.inject(path);
    assert.equal(answer.statusCode, 200, path);
    assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
    assert.match(answer.body, new RegExp(`data-endpoint="${operation}"`));
    assert.match(answer.body, /auth\.example\.com/);
  }
});

test('every page carries the strict policy, sends no referrer and is not kept', async () => {
  const app = freshApp();
  for (const path of Object.keys(operations)) {
    const { headers } = await app.inject(path);
    assert.equal(
      headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
});

test('the pages load nothing but their own script and style, and hold no inline code', async () => {
  const app = freshApp();
  for (const path of Object.keys(operations)) {
    const { body } = await app.inject(path);
    for (const asset of assetPaths(body)) assert.match(asset, /^\/assets\/(pages|sign-in)-[0-9a-f]{16}\.(js|css)$/);
    assert.doesNotMatch(
      body,
      /<style|\sstyle=|\son\w+=|javascript:|<script(?! src="\/assets\/(?:pages|sign-in)-[0-9a-f]{16}\.js"><\/script>)/,
    );
  }
});

test('the script stands before everything that could send the address along, so the token is gone by then', async () => {
  const { body } = await freshApp().inject('/reset-password');
  const script = body.indexOf('<script');
  assert.ok(script > 0);
  for (const loader of ['<link', '<body', '<form']) assert.ok(script < body.indexOf(loader), loader);
});

test('script and style can be kept for ever, under names that hold their hash', async () => {
  const app = freshApp();
  const { body } = await app.inject('/magic-link');
  const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
  const paths = assetPaths(body);
  assert.equal(paths.length, 3);
  assert.equal(assetPaths((await app.inject('/setup')).body).length, 2, 'what a page does not need it does not load');
  for (const path of paths) {
    const answer = await app.inject(path);
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['content-type'], types[path.endsWith('.js') ? 'js' : 'css']);
    assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  }
  assert.equal((await app.inject('/assets/pages-0000000000000000.js')).statusCode, 404);
});

test('a GET changes nothing and repeats nothing: whatever a scanner adds to the link, the page is the same', async () => {
  const app = freshApp();
  for (const path of Object.keys(operations)) {
    const plain = await app.inject(path);
    const probed = await app.inject(`${path}?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&next=//evil.test`);
    assert.equal(probed.body, plain.body);
    assert.equal((await app.inject({ method: 'POST', url: path, payload: { token: 'x' } })).statusCode, 404);
  }
});

test('only reset and set-up ask for a password, which managers may fill in and people may paste and see', async () => {
  const app = freshApp();
  for (const path of Object.keys(operations)) {
    const { body } = await app.inject(path);
    const asks = path === '/reset-password' || path === '/setup';
    assert.equal(body.includes(' type="password"'), asks, path);
    if (!asks) continue;
    assert.match(body, /autocomplete="new-password"/);
    assert.match(body, /aria-label="Show password"/);
    assert.match(body, /At least 12 characters/);
    assert.doesNotMatch(body, /onpaste|maxlength="(?!254)/);
  }
  assert.match((await app.inject('/setup')).body, /type="email" autocomplete="username"/);
});

test('every field has a label and its hints belong to it', async () => {
  const app = freshApp();
  for (const path of Object.keys(operations)) {
    const { body } = await app.inject(path);
    const ids = new Set([...body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
    for (const [, id] of body.matchAll(/<input id="([^"]+)"/g)) assert.match(body, new RegExp(`<label for="${id}">`));
    for (const [, list] of body.matchAll(/aria-describedby="([^"]+)"/g)) {
      for (const id of (list ?? '').split(' ')) assert.ok(ids.has(id), id);
    }
    assert.match(body, /<html lang="en">/);
    assert.match(body, /role="status"/);
  }
});

test('without JavaScript the page says why it needs it, and every other state is hidden', async () => {
  const app = freshApp();
  for (const path of Object.keys(operations)) {
    const { body } = await app.inject(path);
    const states = [...body.matchAll(/<section data-state="([^"]+)"( hidden)?>/g)].map((match) => [match[1], match[2]]);
    assert.ok(states.length >= 5, path);
    for (const [name, hidden] of states) assert.equal(hidden === undefined, name === 'needs-script', `${path} ${name}`);
    assert.match(body, /This page needs JavaScript/);
  }
});

test('settings come into the markup escaped', async () => {
  const app = freshApp({ ...config, API_PREFIX: '/a"><script>alert(1)</script>' });
  const { body } = await app.inject('/setup');
  assert.doesNotMatch(body, /<script>alert/);
  assert.match(body, /data-endpoint="\/a&quot;&gt;&lt;script&gt;/);
});
