import type { Config } from '../../config/config.ts';
import type { Unit } from '../../core/effects/index.ts';
import type { Flags } from '../../core/flags/index.ts';
import { type OneTimeRow, useOneTime } from '../../core/one-time/index.ts';
import type { Profile, Provider, Providers, ProviderTokens } from '../../core/providers/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { CookieNames } from '../../platform/http/cookies.ts';
import type { Logger } from '../../platform/log.ts';
import { type AdmitDeps, admit } from './admit.ts';
import { endBinding, flowOf } from './binding.ts';
import { finishLinking } from './finish-linking.ts';
import { withQuery } from './return-to.ts';
import type { Kept } from './start.ts';

export interface ComeBackDeps extends AdmitDeps {
  config: Config;
  db: Db;
  unit: Unit;
  flags: Flags;
  encryption: Encryption;
  cookies: CookieNames;
  providers: Providers;
  log: Logger;
}

/** What the browser brings back from the provider: the query, or the form. */
export type Brought = Readonly<Record<string, string>>;

export interface Reply {
  readonly cookies: string[];
  /** Where the browser goes; else `body` is the answer. */
  readonly location?: string;
  readonly body?: Record<string, unknown>;
  readonly outcome: string;
}

export interface Back {
  readonly provider: Provider;
  readonly kept: Kept;
  readonly row: OneTimeRow;
  readonly profile: Profile;
  readonly tokens: ProviderTokens | null;
  readonly cookieHeader: string | undefined;
  readonly origin: RequestOrigin;
}

/**
 * The browser is back. Its state is used up first, together with the check that this browser asked for it at this
 * provider; only then the provider is spoken to, and after that one transaction decides what comes of it. From the
 * moment the state is known, failures go to the allowed address that it holds.
 */
export async function comeBack(
  deps: ComeBackDeps,
  providerId: string,
  brought: Brought,
  cookieHeader: string | undefined,
  origin: RequestOrigin,
): Promise<Reply> {
  const provider = deps.providers.byId(providerId);
  const row = await useState(deps, provider, brought.state, cookieHeader, origin).catch(async (error: unknown) => {
    if (error instanceof Refusal && error.code === 'state_invalid') await note(deps, providerId, error.code, origin);
    throw error;
  });
  const kept = row.data as unknown as Kept;
  const ended = endBinding(deps.cookies, brought.state as string);
  try {
    const { profile, tokens } = await ask(deps, provider, kept, brought);
    const back = { provider, kept, row, profile, tokens, cookieHeader, origin };
    const reply = await (kept.linking_session === undefined ? admit(deps, back) : finishLinking(deps, back));
    return { ...reply, cookies: [ended, ...reply.cookies] };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.options.cause !== undefined)
      deps.log.warn({ request_id: origin.requestId, provider: providerId, err: error.options.cause }, error.title);
    await note(deps, providerId, error.code, origin);
    if (kept.return_to === undefined) throw error;
    const cookies = [ended, ...cookiesOf(error)];
    const linkToken = error.options.linkToken;
    const more = { error: error.code, ...(linkToken === undefined ? {} : { link_token: linkToken }) };
    return { location: withQuery(kept.return_to, more), cookies, outcome: 'failure' };
  }
}

function cookiesOf(error: Refusal): string[] {
  const cookie = error.options.headers?.['set-cookie'];
  return cookie === undefined ? [] : [cookie];
}

async function useState(
  { db, cookies }: ComeBackDeps,
  provider: Provider,
  state: string | undefined,
  cookie: string | undefined,
  origin: RequestOrigin,
): Promise<OneTimeRow> {
  const flow = state === undefined ? null : flowOf(cookies, state, { cookie, scope: provider.settings.id });
  if (flow === null || state === undefined) throw new Refusal('state_invalid');
  return useOneTime(db, 'provider-state', state, origin.now, flow).catch((error: unknown) => {
    throw error instanceof Refusal && error.code === 'token_invalid' ? new Refusal('state_invalid') : error;
  });
}

async function ask(
  { encryption }: ComeBackDeps,
  provider: Provider,
  kept: Kept,
  brought: Brought,
): Promise<{ profile: Profile; tokens: ProviderTokens | null }> {
  if (brought.error !== undefined) throw deniedBy(brought.error);
  if (brought.code === undefined || brought.code.length > 4096)
    throw new Refusal('provider_answer_invalid', { cause: new Error('it sent no code') });
  const { nonce, verifier } = JSON.parse(encryption.open('provider-state', kept.secrets));
  const url = new URL(provider.redirectUri);
  for (const name of ['code', 'state', 'iss'] as const) {
    if (brought[name] !== undefined) url.searchParams.set(name, brought[name]);
  }
  const name = nameFrom(brought.user);
  const back = { url, state: brought.state as string, nonce, verifier, ...(name === undefined ? {} : { name }) };
  return provider.finish(back);
}

/** Its error code, if it is a word; its description is a text of strangers, and stays with them (OCL-07). */
function deniedBy(error: string): Refusal {
  if (error === 'temporarily_unavailable' || error === 'server_error')
    return new Refusal('provider_unavailable', { retryAfter: 5, cause: new Error(`it said ${error}`) });
  const word = /^[a-z0-9_.-]{1,60}$/i.test(error) ? error : 'an error without a usable code';
  return new Refusal('provider_denied', { detail: `The provider said ${word}.` });
}

/** Apple sends the name once, beside the code, and unsigned. */
function nameFrom(user: string | undefined): string | undefined {
  if (user === undefined || user.length > 2000) return undefined;
  try {
    const { name } = JSON.parse(user) as { name?: { firstName?: unknown; lastName?: unknown } };
    const parts = [name?.firstName, name?.lastName].filter((part) => typeof part === 'string' && part !== '');
    return parts.length === 0 ? undefined : parts.join(' ');
  } catch {
    return undefined;
  }
}

async function note({ unit }: ComeBackDeps, provider: string, reason: string, origin: RequestOrigin): Promise<void> {
  await unit.record({
    audit: [
      {
        action: 'session.login_failed',
        outcome: 'failure',
        actor: { type: 'anonymous' },
        reason,
        origin,
        detail: { provider },
      },
    ],
  });
}
