import type { CDPSession } from 'playwright-core';
import { type Visit, visit } from './house.ts';

type Json = Record<string, unknown>;

export interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely, and fail where something is missing.
  body: any;
}

/** What came of asking the browser: the credential as JSON, or the name of the error. */
export type Made = { credential: Json } | { error: string };

export interface Device {
  transport?: 'internal' | 'usb';
  hasResidentKey?: boolean;
  hasUserVerification?: boolean;
  isUserVerified?: boolean;
  defaultBackupEligibility?: boolean;
  defaultBackupState?: boolean;
}

/** A page of ours in a browser with one virtual authenticator, which is touched as soon as it is asked. */
export interface PasskeyPage {
  seen: Visit;
  cdp: CDPSession;
  device: string;
  post(path: string, body?: Json, token?: string): Promise<Reply>;
  get(path: string, token?: string): Promise<Reply>;
  create(options: Json): Promise<Made>;
  ask(options: Json, mediation?: 'conditional'): Promise<Made>;
}

// Run in the page, under its own content policy and with its own origin.
const FETCH = `async ([method, path, body, token]) => {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...(token && { authorization: 'Bearer ' + token }) };
  const answer = await fetch('/api/v1' + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
}`;
const CREATE = `async ([options]) => {
  try {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return { credential: (await navigator.credentials.create({ publicKey })).toJSON() };
  } catch (error) {
    return { error: error.name };
  }
}`;
const GET = `async ([options, mediation]) => {
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const found = await navigator.credentials.get({ publicKey, ...(mediation && { mediation }) });
    return { credential: found.toJSON() };
  } catch (error) {
    return { error: error.name };
  }
}`;

/** One authenticator for what the context's pages do, and no dialogue of the browser about it. */
export async function addAuthenticator(
  { context, page }: Visit,
  device: Device = {},
): Promise<{ cdp: CDPSession; id: string }> {
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId: id } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...device,
    },
  });
  return { cdp, id };
}

export async function openPasskeyPage(base: string, device: Device = {}): Promise<PasskeyPage> {
  const seen = await visit();
  const { cdp, id } = await addAuthenticator(seen, device);
  await seen.page.goto(`${base}/verify-email`);
  const run = <T>(script: string, ...values: unknown[]): Promise<T> =>
    seen.page.evaluate(`(${script})(${JSON.stringify(values)})`);
  return {
    seen,
    cdp,
    device: id,
    post: (path, body = {}, token) => run(FETCH, 'POST', path, body, token),
    get: (path, token) => run(FETCH, 'GET', path, null, token),
    create: (options) => run(CREATE, options),
    ask: (options, mediation) => run(GET, options, mediation),
  };
}

export function credentialOf(made: Made): Json {
  if ('error' in made) throw new Error(`the browser said ${made.error}`);
  return made.credential;
}
