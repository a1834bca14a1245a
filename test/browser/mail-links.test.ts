// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { issueSetupLink } from '../../server/src/core/setup/index.ts';
import { focusedText, isTooWide, openHouse, paleTexts, type Server, shownStates, type Visit, visit } from './house.ts';

const PAGES = ['/verify-email', '/reset-password', '/confirm-email', '/undo-email', '/setup'];
const FIRST = 'A-first-Password-91';
const SECOND = 'Another-Password-28';

let house: Server & { base: string };

before(async () => {
  house = await openHouse();
});

const posts = ({ requests }: Visit) => requests.filter(({ method }) => method !== 'GET');
const done = ({ page }: Visit) => page.waitForSelector('[data-state=done]:not([hidden])', { timeout: 5_000 });
const press = ({ page }: Visit) => page.click('button.main');
const email = (name: string): string => `${name}@example.com`;

async function newestLink(to: string, path: string): Promise<string> {
  for (const mail of await house.mails(to)) {
    const link = mail.links.find((one) => one.includes(path));
    if (link !== undefined) return link;
  }
  throw new Error(`no link to ${path} for ${to}`);
}

async function register(to: string, password = FIRST): Promise<void> {
  assert.equal((await house.post('/auth/register', { email: to, password })).status, 202);
}

const signIn = (to: string, password: string) => house.post('/auth/login', { email: to, password });

for (const path of PAGES) {
  test(`${path} sends nothing before a click, and takes the token out of the address bar and the history`, async () => {
    const seen = await visit();
    await seen.page.goto(`${house.base}${path}#token=secret_token-1`);
    await seen.page.waitForTimeout(150);
    assert.equal(seen.page.url(), house.base + path);
    assert.equal(await shownStates(seen.page), 'ask');
    assert.deepEqual(posts(seen), [], 'mail scanners open links, and run scripts');
    for (const { url, headers } of seen.requests) {
      assert.ok(!url.slice(0, -1).includes('secret_token') || url.includes('#'), url);
      assert.equal(headers.referer?.includes('secret_token') ?? false, false);
      assert.equal(new URL(url).origin, house.base, 'nothing from anywhere else');
    }
    await seen.page.goto('about:blank');
    await seen.page.goBack();
    assert.equal(seen.page.url(), house.base + path, 'the history has no token either');
    assert.equal(await shownStates(seen.page), 'no-token');
    assert.deepEqual(seen.complaints, []);
    await seen.context.close();
  });
}

test('from registering over the mailed link to signing in, and the link works once', async () => {
  const to = email('ada');
  await register(to);
  assert.equal((await signIn(to, FIRST)).body.code, 'email_not_verified');
  const link = await newestLink(to, '/verify-email');
  const seen = await visit();
  await seen.page.goto(link);
  await press(seen);
  await done(seen);
  assert.equal(await focusedText(seen.page), 'Your address is confirmed', 'a screen reader reads the outcome');
  const [sent, ...more] = posts(seen);
  assert.deepEqual(more, []);
  assert.deepEqual(Object.keys(JSON.parse(sent?.body ?? '')), ['token']);
  assert.equal(sent?.headers.cookie, undefined);
  assert.equal(sent?.headers.referer ?? '', '');
  assert.equal((await signIn(to, FIRST)).status, 200);
  await seen.page.goto('about:blank');
  await seen.page.goto(link);
  await press(seen);
  await seen.page.waitForSelector('[data-state=dead-link]:not([hidden])');
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});

test('a forgotten password: what is too short or common is said at its field, what is good signs out everywhere', async () => {
  const to = email('bob');
  await register(to);
  await house.post('/auth/verify-email', { token: await house.linkToken(to, '/verify-email') });
  const before = await signIn(to, FIRST);
  await house.post('/auth/password/forgot', { email: to });
  const seen = await visit();
  await seen.page.goto(await newestLink(to, '/reset-password'));
  await press(seen);
  assert.equal(await seen.page.textContent('#password-error'), 'Enter a password.');
  await seen.page.fill('#password', 'short');
  await seen.page.keyboard.press('Enter');
  assert.match((await seen.page.textContent('#password-error')) ?? '', /fewer than 8/);
  assert.deepEqual(posts(seen), [], 'the page knows these by itself');
  await seen.page.fill('#password', 'password123');
  await seen.page.keyboard.press('Enter');
  await seen.page.waitForSelector('#password[aria-invalid=true]');
  assert.match((await seen.page.textContent('#password-error')) ?? '', /guessed first/);
  await seen.page.click('[data-reveals=password]');
  assert.equal(await seen.page.getAttribute('#password', 'type'), 'text');
  await seen.page.fill('#password', SECOND);
  await press(seen);
  await done(seen);
  assert.equal(await seen.page.inputValue('#password'), '', 'the password does not stay in the page');
  assert.equal((await signIn(to, FIRST)).status, 401);
  assert.equal((await signIn(to, SECOND)).status, 200);
  assert.equal((await house.get('/me', { bearer: before.body.access_token })).status, 401);
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});

test('an address is changed by the one link and changed back by the other', async () => {
  const [from, to] = [email('carol'), email('carol.new')];
  await register(from);
  await house.post('/auth/verify-email', { token: await house.linkToken(from, '/verify-email') });
  const { body } = await signIn(from, FIRST);
  assert.equal((await house.post('/me/email', { email: to }, { bearer: body.access_token })).status, 202);
  const seen = await visit();
  await seen.page.goto(await newestLink(to, '/confirm-email'));
  await press(seen);
  await done(seen);
  assert.equal((await signIn(to, FIRST)).status, 200);
  await seen.page.goto(await newestLink(from, '/undo-email'));
  await press(seen);
  await done(seen);
  assert.equal((await signIn(to, FIRST)).status, 401);
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});

test('the first administrator is made once, by the link that is printed, and nobody stays signed in on that page', async () => {
  const { db, clock } = house.app.house;
  const link = await db.transaction((tx) => issueSetupLink(tx, house.base, clock.now()));
  assert.ok(link);
  const seen = await visit();
  await seen.page.goto(link);
  await press(seen);
  assert.equal(await seen.page.textContent('#email-error'), 'Enter your email address.');
  await seen.page.fill('#email', email('root'));
  await seen.page.fill('#password', FIRST);
  await seen.page.dblclick('button.main');
  await done(seen);
  await seen.page.waitForTimeout(200);
  const sent = posts(seen).map(({ url }) => url.replace(`${house.base}/api/v1`, ''));
  assert.deepEqual(sent, ['/setup', '/auth/logout'], 'a double click is one request');
  assert.deepEqual((await signIn(email('root'), FIRST)).body.user.roles, ['admin']);
  const [row] = await db.query<{ open: number }>(
    "SELECT count(*)::int AS open FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id WHERE u.email LIKE 'root@%' AND ended_at IS NULL",
  );
  assert.equal(row?.open, 1, 'only the sign-in of just now');
  await seen.page.goto('about:blank');
  await seen.page.goto(link);
  await seen.page.fill('#email', email('eve'));
  await seen.page.fill('#password', FIRST);
  await press(seen);
  await seen.page.waitForSelector('[data-state=closed]:not([hidden])');
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});

test('without a network the page says so, and the same click later goes through', async () => {
  const to = email('dave');
  await register(to);
  const seen = await visit();
  await seen.page.goto(await newestLink(to, '/verify-email'));
  await seen.context.setOffline(true);
  await press(seen);
  await seen.page.waitForSelector('.problem:not([hidden])');
  assert.match((await seen.page.textContent('.problem')) ?? '', /did not answer/);
  await seen.context.setOffline(false);
  await press(seen);
  await done(seen);
  await seen.context.close();
});

test('without JavaScript a page says that it needs it, and sends nothing', async () => {
  const seen = await visit({ javaScriptEnabled: false });
  await seen.page.goto(`${house.base}/verify-email#token=x`);
  assert.equal(await seen.page.isVisible('[data-state=needs-script]'), true);
  assert.equal(await seen.page.isVisible('button.main'), false);
  await seen.context.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [device, width] of [
    ['a desktop', 1100],
    ['a phone', 360],
  ] as const) {
    test(`every page fits ${device} and is legible in ${colorScheme} colours`, async () => {
      const seen = await visit({ colorScheme, viewport: { width, height: 720 } });
      for (const path of PAGES) {
        await seen.page.goto(`${house.base}${path}#token=x`);
        assert.equal(await isTooWide(seen.page), false, path);
        assert.deepEqual(await paleTexts(seen.page), [], path);
      }
      assert.deepEqual(seen.complaints, []);
      await seen.context.close();
    });
  }
}
