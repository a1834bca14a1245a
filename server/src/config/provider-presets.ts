/**
 * What is known of the big providers, as a table: one implementation reads it. An entry of OIDC_PROVIDERS may override
 * what it may name itself; how an address is judged belongs to the preset.
 */
export interface Preset {
  /** What people call it. */
  readonly name: string;
  /** `oauth`: plain OAuth 2 with GitHub's API; everything else is OpenID Connect with discovery. */
  readonly protocol: 'oidc' | 'oauth';
  /** May hold `{tenantid}`, which every ID token fills in with its `tid`. Null: the entry names it. */
  readonly issuer: string | null;
  readonly scopes: string;
  readonly responseMode: 'query' | 'form_post';
  /** `apple`: the secret is a JWT, signed with a private key each time. */
  readonly clientAuth: 'post' | 'basic' | 'apple';
  /** Other hosts than the issuer's at which the server may fetch keys, tokens and claims. */
  readonly hosts: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  /** Asked for beside the scopes and parameters where the provider's tokens are kept. */
  readonly offline: { readonly scope?: string; readonly parameters?: Readonly<Record<string, string>> };
  /** Whether its `email_verified: true` says that the person proved the address there. */
  readonly verifiesAddresses: boolean;
  /** Domains whose mailboxes it gives out itself: there its word is as good as the mailbox. */
  readonly authoritativeDomains: readonly string[];
  /** A claim whose presence says that it also runs the mailboxes of the domain (Google Workspace). */
  readonly hostedDomainClaim: string | null;
}

const openId: Preset = {
  name: '',
  protocol: 'oidc',
  issuer: null,
  scopes: 'openid email profile',
  responseMode: 'query',
  clientAuth: 'post',
  hosts: [],
  parameters: {},
  offline: { scope: 'offline_access', parameters: { prompt: 'consent' } }, // OpenID Connect Core, section 11
  verifiesAddresses: true,
  authoritativeDomains: [],
  hostedDomainClaim: null,
};

export const presets = {
  google: {
    ...openId,
    name: 'Google',
    issuer: 'https://accounts.google.com',
    hosts: ['oauth2.googleapis.com', 'www.googleapis.com', 'openidconnect.googleapis.com'],
    offline: { parameters: { access_type: 'offline', prompt: 'consent' } },
    authoritativeDomains: ['gmail.com', 'googlemail.com'],
    hostedDomainClaim: 'hd',
  },
  github: {
    ...openId,
    name: 'GitHub',
    protocol: 'oauth',
    issuer: 'https://github.com',
    scopes: 'read:user user:email',
    offline: {},
  },
  apple: {
    ...openId,
    name: 'Apple',
    issuer: 'https://appleid.apple.com',
    scopes: 'openid name email',
    responseMode: 'form_post', // the only one that Apple takes where a name or an address is asked for
    clientAuth: 'apple',
    offline: {},
    authoritativeDomains: ['privaterelay.appleid.com', 'icloud.com', 'me.com', 'mac.com'],
  },
  microsoft: {
    ...openId,
    name: 'Microsoft',
    issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
    hosts: ['graph.microsoft.com'],
    offline: { scope: 'offline_access' },
    verifiesAddresses: false, // any tenant's administrator may write any address into the claim ("nOAuth")
  },
  gitlab: { ...openId, name: 'GitLab', issuer: 'https://gitlab.com', offline: {} },
  discord: { ...openId, name: 'Discord', issuer: 'https://discord.com', scopes: 'openid identify email', offline: {} },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

export const PRESET_NAMES = Object.keys(presets) as PresetName[];

export function presetOf(name: string | undefined): Preset {
  return name !== undefined && Object.hasOwn(presets, name) ? presets[name as PresetName] : openId;
}
