import { after } from 'node:test';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { freePort } from '../run/free-port.ts';

// A browser sees no difference between the engines, so the one that needs no server is used; the kit asks when it loads.
process.env.TEST_ENGINE = 'embedded';
const { startServer } = await import('../../server/test/kit.ts');

export type Server = Awaited<ReturnType<typeof startServer>>;

/** A server whose PUBLIC_URL is the port that it listens on: its links lead to itself. */
export async function openHouse(env: Record<string, string> = {}): Promise<Server & { base: string }> {
  const port = String(await freePort());
  const base = `http://localhost:${port}`;
  const server = await startServer({ env: { PORT: port, PUBLIC_URL: base, ...env } });
  return { ...server, base };
}

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser: Browser | undefined;
after(() => browser?.close());

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** Whatever the browser complained about: refused by the policy, failed, thrown. */
  complaints: string[];
  requests: { method: string; url: string; body: string | null; headers: Record<string, string> }[];
}

/** A page in a browser of its own: no cookie, no history. */
export async function visit(options: BrowserContextOptions = {}): Promise<Visit> {
  browser ??= await chromium.launch({
    executablePath: process.env.TEST_CHROMIUM ?? '/usr/bin/chromium',
    args: ARGUMENTS,
  });
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const seen: Visit = { page, context, complaints: [], requests: [] };
  page.on('console', (message) => {
    // An answer of the API that is an error is shown as one too; the tests look at what the page makes of it.
    const isAnswer = /Failed to load resource: the server responded/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !isAnswer) seen.complaints.push(message.text());
  });
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  page.on('request', (request) =>
    seen.requests.push({
      method: request.method(),
      url: request.url(),
      body: request.postData(),
      headers: request.headers(),
    }),
  );
  return seen;
}

/** The states that a page of ours shows now. */
export function shownStates(page: Page): Promise<string> {
  return page.evaluate(`[...document.querySelectorAll('[data-state]')]
    .filter((one) => one.getClientRects().length > 0).map((one) => one.dataset.state).join()`);
}

export function focusedText(page: Page): Promise<string> {
  return page.evaluate('document.activeElement.textContent');
}

export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}

// Runs in the page.
const PALE = `(() => {
  for (const one of document.querySelectorAll('[hidden]')) one.hidden = false;
  const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((value) => {
      const x = value / 255;
      return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    let at = element;
    while (at !== null && channels(getComputedStyle(at).backgroundColor)[3] === 0) at = at.parentElement;
    return at === null ? 'rgb(255, 255, 255)' : getComputedStyle(at).backgroundColor;
  };
  const pale = new Set();
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(groundOf(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) pale.add(element.tagName + '.' + element.className + ' ' + contrast.toFixed(2));
  }
  return [...pale];
})()`;

/** Texts whose contrast with their ground is below 4.5 to 1 (WCAG 2.2, 1.4.3), in whatever state of the page they are. */
export function paleTexts(page: Page): Promise<string[]> {
  return page.evaluate(PALE);
}
