// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { focusedText, isTooWide, openHouse, paleTexts, type Server, shownStates, type Visit, visit } from './house.ts';
import { addAuthenticator } from './passkey-page.ts';

// The kit asks for the engine when it loads, and the house says which.
const { enrolTotp, nextCode } = await import('../../server/test/factors.ts');

let house: Server & { base: string };
before(async () => {
  house = await openHouse();
});

const api = (path: string): string => `${house.base}/api/v1${path}`;
const posts = ({ requests }: Visit) =>
  requests.filter(({ method }) => method !== 'GET').map(({ url }) => url.replace(`${house.base}/api/v1`, ''));
const until = ({ page }: Visit, state: string) =>
  page.waitForSelector(`[data-state=${state}]:not([hidden])`, { timeout: 5_000 });
const press = ({ page }: Visit) => page.click('[data-state]:not([hidden]) button.main');

/** Asks as an application on this origin would: in the page, so that the browser keeps the cookie. */
async function ask({ page }: Visit, email: string, more: object = {}): Promise<string> {
  await page.goto(`${house.base}/verify-email`);
  const call = `fetch(${JSON.stringify(api('/auth/magic-link'))}, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: ${JSON.stringify(JSON.stringify({ email, ...more }))} }).then((answer) => answer.json())`;
  const { flow } = (await page.evaluate(call)) as { flow: string };
  return flow;
}

const linkOf = async (email: string): Promise<string> =>
  `${house.base}/magic-link#token=${await house.linkToken(email, '/magic-link')}`;

/** Whose session the browser has, if it has one. */
async function signedInAs({ context }: Visit): Promise<string | null> {
  const cookies = await context.cookies(house.base);
  const session = cookies.find(({ name }) => name === 'session');
  if (session === undefined) return null;
  return (await house.get('/me', { cookie: `session=${session.value}` })).body.email ?? null;
}

test('a link opened in the browser that asked signs it in, after a press and not before', async () => {
  const { email } = await house.user();
  const seen = await visit();
  await ask(seen, email);
  seen.requests.length = 0;
  await seen.page.goto(await linkOf(email));
  await seen.page.waitForTimeout(150);
  assert.deepEqual(posts(seen), [], 'mail scanners run scripts, and press nothing');
  assert.equal(seen.page.url(), `${house.base}/magic-link`);
  await seen.page.dblclick('[data-state=ask] button.main');
  await until(seen, 'done');
  assert.equal(await focusedText(seen.page), 'You are signed in');
  assert.deepEqual(posts(seen), ['/auth/magic-link/verify']);
  assert.equal(await signedInAs(seen), email);
  assert.equal(await seen.page.evaluate('document.cookie'), '', 'no script reads the session or the flow');
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});

test('it goes on to where the application said', async () => {
  const { email } = await house.user();
  const seen = await visit();
  await ask(seen, email, { return_to: '/docs?from=mail#top' });
  await seen.page.goto(await linkOf(email));
  await press(seen);
  await seen.page.waitForURL(`${house.base}/docs?from=mail#top`);
  assert.equal(await signedInAs(seen), email);
  await seen.page.goBack();
  assert.notEqual(seen.page.url(), `${house.base}/magic-link`, 'the used link is not in the history');
  await seen.context.close();
});

test('opened in another browser the link shows a code, which signs in the one that asked, and only that one', async () => {
  const { email } = await house.user();
  const [asking, other] = [await visit(), await visit()];
  const flow = await ask(asking, email);
  await other.page.goto(await linkOf(email));
  await press(other);
  await until(other, 'elsewhere');
  assert.equal(await focusedText(other.page), 'This link was asked for somewhere else');
  await press(other);
  await until(other, 'code');
  const code = ((await other.page.textContent('[data-code]')) ?? '').replace(' ', '');
  assert.match(code, /^\d{6}$/);
  assert.equal(await signedInAs(other), null, 'nobody is signed in here');
  assert.deepEqual(posts(other), ['/auth/magic-link/verify', '/auth/magic-link/code']);
  const call = `fetch(${JSON.stringify(api('/auth/magic-link/verify'))}, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: ${JSON.stringify(JSON.stringify({ flow, code, session: 'cookie' }))} }).then((answer) => answer.status)`;
  assert.equal(await asking.page.evaluate(call), 200);
  assert.equal(await signedInAs(asking), email);
  await other.page.goto('about:blank');
  await other.page.goto(await linkOf(email));
  await press(other);
  await until(other, 'dead-link');
  assert.deepEqual([...asking.complaints, ...other.complaints], []);
  await asking.context.close();
  await other.context.close();
});

test('a second factor is asked for, by whatever the account has, and a wrong one may be tried again', async () => {
  const user = await house.user();
  const { secret, recoveryCodes } = await enrolTotp(house, user);
  const seen = await visit();
  await ask(seen, user.email, { return_to: '/docs' });
  await seen.page.goto(await linkOf(user.email));
  await press(seen);
  await until(seen, 'second-step');
  assert.equal(await focusedText(seen.page), 'One more step');
  assert.equal(await signedInAs(seen), null);
  assert.deepEqual(await seen.page.locator('.choice:visible').allInnerTexts(), ['Authenticator app', 'Recovery code']);
  await press(seen);
  assert.equal(await seen.page.textContent('#code-error'), 'Fill in this field.');
  assert.equal(await seen.page.getAttribute('#code', 'autocomplete'), 'one-time-code');
  await seen.page.fill('#code', '000000');
  await seen.page.keyboard.press('Enter');
  await seen.page.waitForSelector('[data-step=factor] .problem:not([hidden])');
  assert.match((await seen.page.textContent('[data-step=factor] .problem')) ?? '', /not right/);
  await seen.page.check('text=Recovery code');
  assert.equal(await seen.page.textContent('label[for=code]'), 'One of your recovery codes');
  await seen.page.check('text=Authenticator app');
  await seen.page.fill('#code', nextCode(house, secret));
  await press(seen);
  await seen.page.waitForURL(`${house.base}/docs`);
  assert.equal(await signedInAs(seen), user.email);

  const again = await visit();
  await ask(again, user.email);
  await again.page.goto(await linkOf(user.email));
  await press(again);
  await until(again, 'second-step');
  await again.page.check('text=Recovery code');
  await again.page.fill('#code', recoveryCodes[0] as string);
  await press(again);
  await until(again, 'done');
  assert.equal(await signedInAs(again), user.email);
  assert.deepEqual([...seen.complaints, ...again.complaints], []);
  await seen.context.close();
  await again.context.close();
});

test('five wrong tries end the sign-in, and the page says what to do', async () => {
  const user = await house.user();
  await enrolTotp(house, user);
  const seen = await visit();
  await ask(seen, user.email);
  await seen.page.goto(await linkOf(user.email));
  await press(seen);
  await until(seen, 'second-step');
  for (let n = 0; n < 5; n++) {
    const answered = seen.page.waitForResponse(api('/auth/mfa'));
    await seen.page.fill('#code', '000000');
    await press(seen);
    await answered;
    await seen.page.waitForFunction(
      "document.getElementById('code').value === '' || document.querySelector('[data-state=second-step]').hidden",
    );
  }
  await until(seen, 'dead-link');
  assert.equal(await signedInAs(seen), null);
  await seen.context.close();
});

test('an account whose factor is a code by mail is asked for its password, in a field for passwords', async () => {
  const user = await house.user();
  await house.db.execute('UPDATE auth.users SET mail_factor_at = created_at WHERE id = $1', [user.id]);
  const seen = await visit();
  await ask(seen, user.email);
  await seen.page.goto(await linkOf(user.email));
  await press(seen);
  await until(seen, 'second-step');
  assert.equal(await seen.page.isVisible('fieldset'), false, 'there is nothing to choose');
  assert.deepEqual(
    [await seen.page.getAttribute('#code', 'type'), await seen.page.getAttribute('#code', 'autocomplete')],
    ['password', 'current-password'],
  );
  await seen.page.fill('#code', user.password);
  await press(seen);
  await until(seen, 'done');
  assert.equal(await signedInAs(seen), user.email);
  await seen.context.close();
});

test('a passkey is the second step where the account has one', async () => {
  const user = await house.user();
  const seen = await visit();
  await addAuthenticator(seen);
  await seen.page.goto(`${house.base}/verify-email`);
  const enrol = `(async () => {
    const call = (path, body) => fetch(${JSON.stringify(api(''))} + path, { method: 'POST', body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', authorization: 'Bearer ${user.accessToken}' } });
    const options = await (await call('/me/passkeys/options', {})).json();
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const made = await navigator.credentials.create({ publicKey });
    return (await call('/me/passkeys', made.toJSON())).status;
  })()`;
  assert.equal(await seen.page.evaluate(enrol), 201);
  await ask(seen, user.email);
  await seen.page.goto(await linkOf(user.email));
  await press(seen);
  await until(seen, 'second-step');
  await seen.page.check('text=Passkey or security key').catch(() => undefined);
  assert.equal(await seen.page.isVisible('#code'), false, 'nothing to type');
  await press(seen);
  await until(seen, 'done');
  assert.equal(await signedInAs(seen), user.email);
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});

test('a newcomer’s account is made by the press, and not by the mail', async () => {
  const email = 'newcomer@example.com';
  const seen = await visit();
  await ask(seen, email);
  await seen.page.goto(await linkOf(email));
  const known = () => house.db.query('SELECT 1 FROM auth.users WHERE email = $1', [email]);
  assert.equal((await known()).length, 0);
  await press(seen);
  await until(seen, 'done');
  assert.equal((await known()).length, 1);
  assert.equal(await signedInAs(seen), email);
  await seen.context.close();
});

const SHOWN = ['ask', 'done', 'second-step', 'enrol', 'no-way', 'elsewhere', 'code', 'dead-link', 'no-token'];
for (const colorScheme of ['light', 'dark'] as const) {
  for (const [device, width] of [
    ['a desktop', 1100],
    ['a phone', 360],
  ] as const) {
    test(`every state of the page fits ${device} and is legible in ${colorScheme} colours`, async () => {
      const seen = await visit({ colorScheme, viewport: { width, height: 740 } });
      for (const path of ['/magic-link', '/veto-factor-reset']) {
        await seen.page.goto(`${house.base}${path}#token=x`);
        assert.equal(await shownStates(seen.page), 'ask');
        await seen.page.evaluate(
          "document.querySelectorAll('[data-code]').forEach((one) => (one.textContent = '123 456'))",
        );
        for (const state of path === '/magic-link' ? SHOWN : ['ask', 'done', 'dead-link']) {
          await seen.page.evaluate(`authPage.finish(${JSON.stringify(state)})`);
          assert.equal(await shownStates(seen.page), state);
          assert.equal(await isTooWide(seen.page), false, `${path} ${state}`);
          const folder = process.env.TEST_SCREENSHOTS;
          const file = `${path.slice(1)}-${state}-${colorScheme}-${width}.png`;
          if (folder !== undefined) await seen.page.screenshot({ path: `${folder}/${file}` });
        }
        assert.deepEqual(await paleTexts(seen.page), [], path);
        assert.equal(await isTooWide(seen.page), false, `${path} all at once`);
      }
      assert.deepEqual(seen.complaints, []);
      await seen.context.close();
    });
  }
}
