import type { Parser } from './parsers.ts';
import { PRESET_NAMES, type PresetName } from './provider-presets.ts';
import { isLoopback } from './url-parsers.ts';

/** One provider as OIDC_PROVIDERS names it. */
export interface Entry {
  id: string;
  preset?: PresetName;
  name?: string;
  issuer?: string;
  base_url?: string;
  client_id: string;
  client_secret?: string;
  client_auth?: 'post' | 'basic';
  team_id?: string;
  key_id?: string;
  private_key?: string;
  scopes?: string;
  authoritative_domains?: string[];
  store_tokens?: boolean;
  hosts?: string[];
}

/** Words that are something else where an id stands: paths, other ways to sign in, other kinds of connection. */
const RESERVED = new Set([
  ...[
    'credential',
    'credentials',
    'password',
    'passkey',
    'passkeys',
    'email',
    'mail',
    'magic-link',
    'otp',
    'totp',
    'mfa',
  ],
  ...[
    'scim',
    'saml',
    'ldap',
    'oidc',
    'oauth',
    'oauth2',
    'sso',
    'link',
    'links',
    'exchange',
    'callback',
    'start',
    'providers',
  ],
  ...[
    'provider',
    'local',
    'default',
    'admin',
    'api',
    'auth',
    'me',
    'setup',
    'login',
    'register',
    'token',
    'null',
    'undefined',
  ],
  ...['constructor', 'prototype'],
]);

/** What is wrong with an id, or null. */
export function idProblem(id: string): string | null {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(id)) return 'form';
  return RESERVED.has(id) ? 'reserved' : null;
}

interface Field {
  readonly expected: string;
  readonly isRight: (value: unknown) => boolean;
}

const text = (expected: string, allowed: RegExp): Field => ({
  expected,
  isRight: (value) => typeof value === 'string' && allowed.test(value),
});

const texts = (expected: string, allowed: RegExp): Field => ({
  expected,
  isRight: (value) =>
    Array.isArray(value) && value.length <= 50 && value.every((one) => typeof one === 'string' && allowed.test(one)),
});

const url: Field = {
  expected: 'an https URL without query and fragment (http only for this machine, outside production)',
  isRight(value) {
    const parsed = typeof value === 'string' && !/[\s?#\\]/.test(value) ? URL.parse(value) : null;
    if (parsed === null || parsed.username !== '' || parsed.password !== '' || parsed.hostname === '') return false;
    return parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLoopback(parsed.href));
  },
};

export const FIELDS = {
  id: {
    expected:
      'lower-case letters, digits and hyphens, at most 32, and no word with a meaning of its own such as link, scim or password',
    isRight: (value: unknown) => typeof value === 'string' && idProblem(value) === null,
  },
  preset: {
    expected: `one of ${PRESET_NAMES.join(', ')}`,
    isRight: (value: unknown) => (PRESET_NAMES as unknown[]).includes(value),
  },
  name: text('what people call it, at most 64 characters', /^[^\p{C}]{1,64}$/u),
  issuer: url,
  base_url: url,
  client_id: text('the identifier that the provider gave out', /^\S{1,300}$/),
  client_secret: text('the secret that the provider gave out', /^[\x20-\x7e]{1,1000}$/),
  client_auth: text('post or basic', /^(post|basic)$/),
  team_id: text('the ten characters of the team at Apple', /^[A-Z0-9]{10}$/),
  key_id: text('the ten characters of the key at Apple', /^[A-Z0-9]{10}$/),
  private_key: text('the PEM text of the .p8 file from Apple', /^-----BEGIN PRIVATE KEY-----[\s\S]{1,2000}$/),
  scopes: text('scopes separated by spaces', /^[\x21-\x7e]+( [\x21-\x7e]+)*$/),
  authoritative_domains: texts(
    'domains whose mailboxes the provider gives out, such as ["example.com"]; "*" for all',
    /^(\*|([a-z0-9-]+\.)+[a-z0-9-]{2,63})$/i,
  ),
  store_tokens: { expected: 'true or false', isRight: (value: unknown) => typeof value === 'boolean' },
  hosts: texts(
    'host names (with a port where it is not the usual one), such as ["keys.example.com"]',
    /^[a-z0-9.-]+(:\d{1,5})?$/i,
  ),
} as const satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;

/** The list as JSON; what is in each entry is judged together with the other settings. Nothing of it is repeated. */
export const providerList: Parser<readonly Readonly<Record<string, unknown>>[]> = {
  expected: 'a JSON array of objects, such as [{"id":"acme","issuer":"https://…","client_id":"…","client_secret":"…"}]',
  parse(value) {
    const list = parseJson(value);
    if (list === undefined) return { problem: 'is not JSON' };
    if (!isListOfObjects(list)) return { problem: 'is not a JSON array of objects' };
    return list.length > 50 ? { problem: 'has more than 50 entries' } : { value: list };
  },
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isListOfObjects(value: unknown): value is Record<string, unknown>[] {
  return (
    Array.isArray(value) &&
    value.every((one: unknown) => typeof one === 'object' && one !== null && !Array.isArray(one))
  );
}
