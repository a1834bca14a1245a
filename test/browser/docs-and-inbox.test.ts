// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { isTooWide, openHouse, paleTexts, type Server, visit } from './house.ts';

let house: Server & { base: string };

before(async () => {
  house = await openHouse();
  const body = { email: 'ada@example.com', password: 'A-first-Password-91', name: '<img src=x onerror=alert(1)>' };
  assert.equal((await house.post('/auth/register', body)).status, 202);
  await house.app.settle();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [device, width] of [
    ['a desktop', 1280],
    ['a phone', 360],
  ] as const) {
    for (const path of ['/docs', '/dev/inbox']) {
      test(`${path} fits ${device} and is legible in ${colorScheme} colours, under its strict policy`, async () => {
        const seen = await visit({ colorScheme, viewport: { width, height: 900 } });
        await seen.page.goto(house.base + path);
        assert.deepEqual(seen.complaints, []);
        assert.equal(await isTooWide(seen.page), false);
        assert.deepEqual(await paleTexts(seen.page), []);
        assert.ok(
          seen.requests.every(({ url }) => new URL(url).origin === house.base),
          'nothing from anywhere else',
        );
        assert.equal(await seen.page.evaluate('document.styleSheets.length'), 1, 'the style was let in');
        await seen.context.close();
      });
    }
  }
}

test('the documentation is operated by keyboard alone, and each operation has an address of its own', async () => {
  const seen = await visit();
  await seen.page.goto(`${house.base}/docs`);
  await seen.page.keyboard.press('Tab');
  assert.match((await seen.page.evaluate('document.activeElement.textContent')) as string, /skip/i);
  const ids = (await seen.page.evaluate(
    `[...document.querySelectorAll('main [id]')].map((one) => one.id)`,
  )) as string[];
  assert.equal(new Set(ids).size, ids.length);
  const links = (await seen.page.evaluate(
    `[...document.querySelectorAll('a[href^="#"]')].map((one) => decodeURIComponent(one.hash.slice(1)))`,
  )) as string[];
  assert.ok(links.length > 20);
  for (const link of links)
    assert.ok(await seen.page.evaluate(`document.getElementById(${JSON.stringify(link)}) !== null`), link);
  await seen.context.close();
});

test('what strangers write into a mail is text in the inbox: no script runs, no image is fetched', async () => {
  const seen = await visit();
  await seen.page.goto(`${house.base}/dev/inbox?to=${encodeURIComponent('ada@example.com')}`);
  assert.equal(await seen.page.locator('article').count(), 1);
  assert.equal(await seen.page.locator('article img, article script').count(), 0);
  assert.deepEqual(seen.complaints, []);
  const query = '"><script>alert(1)</script>';
  await seen.page.goto(`${house.base}/dev/inbox?to=${encodeURIComponent(query)}`);
  assert.equal(await seen.page.inputValue('#to'), query);
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});

test('a link in the inbox leads to its page, which confirms the address at a click', async () => {
  const seen = await visit();
  await seen.page.goto(`${house.base}/dev/inbox`);
  await seen.page.click('article a[href*="/verify-email"]');
  await seen.page.click('button.main');
  await seen.page.waitForSelector('[data-state=done]:not([hidden])');
  assert.ok(!seen.page.url().includes('token'));
  assert.equal(
    (await house.post('/auth/login', { email: 'ada@example.com', password: 'A-first-Password-91' })).status,
    200,
  );
  await seen.context.close();
});

test('no page can be put into a frame of another', async () => {
  const seen = await visit();
  await seen.page.goto('about:blank');
  await seen.page.setContent(`<iframe src="${house.base}/reset-password"></iframe>`);
  await seen.page.waitForTimeout(300);
  const framed = seen.page.frames().find((frame) => frame !== seen.page.mainFrame());
  assert.equal(
    await framed
      ?.locator('button.main')
      .count()
      .catch(() => 0),
    0,
  );
  await seen.context.close();
});
