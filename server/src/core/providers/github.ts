import type { ProviderSettings } from '../../config/config.ts';
import { invalidAnswer } from './failure.ts';
import type { Fetch } from './outgoing.ts';
import { type Profile, profileOf, requireNumber } from './profile.ts';

interface Address {
  email?: unknown;
  primary?: unknown;
  verified?: unknown;
}

/**
 * The address in GitHub's profile is whatever its owner shows, so it is not looked at: the primary one of the list of
 * addresses counts, as verified as that list says (OCL-10).
 */
export async function gitHubProfile(provider: ProviderSettings, accessToken: string, fetch: Fetch): Promise<Profile> {
  const api = provider.issuer === 'https://github.com' ? 'https://api.github.com' : `${provider.issuer}/api/v3`;
  const [user, addresses] = await Promise.all([
    get(`${api}/user`, accessToken, fetch),
    get(`${api}/user/emails`, accessToken, fetch),
  ]);
  const { id, name } = (user ?? {}) as { id?: unknown; name?: unknown };
  const list = Array.isArray(addresses) ? (addresses as (Address | null)[]) : [];
  const primary = list.find((one) => one?.primary === true);
  return profileOf(
    provider,
    { issuer: provider.issuer, subject: requireNumber(id) },
    { email: primary?.email, email_verified: primary?.verified, name },
  );
}

async function get(url: string, accessToken: string, fetch: Fetch): Promise<unknown> {
  const response = await fetch(url, {
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${accessToken}`,
      'user-agent': 'auth-api', // GitHub refuses requests without one
      'x-github-api-version': '2022-11-28',
    },
  });
  if (response.status !== 200) throw invalidAnswer(`${new URL(url).pathname} answered ${response.status}`);
  return response.json().catch(() => {
    throw invalidAnswer(`${new URL(url).pathname} is not JSON`);
  });
}
