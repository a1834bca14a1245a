import { createPrivateKey } from 'node:crypto';
import type { ProviderSettings } from './config.ts';
import { type Entry, FIELDS, type FieldName, idProblem } from './provider-fields.ts';
import { PRESET_NAMES, type Preset, presetOf } from './provider-presets.ts';
import type { Reading } from './reading.ts';
import { requireBoth } from './services.ts';

type Fault = (problem: string, expected: string) => void;

/** Every provider that people may sign in with: Google and GitHub by their own settings, and those of OIDC_PROVIDERS. */
export function readProviders(reading: Reading): readonly ProviderSettings[] {
  const { values, report } = reading;
  const own = [readOwn('google', reading), readOwn('github', reading)].flat();
  const seen = new Map(own.map((one) => [one.id, one]));
  const listed = (values.OIDC_PROVIDERS ?? []).flatMap((raw, index): ProviderSettings[] => {
    const place = `has a wrong entry (number ${index + 1}${typeof raw.id === 'string' && idProblem(raw.id) === null ? `, ${raw.id}` : ''}): `;
    let isWrong = false;
    const fault: Fault = (problem, expected) => {
      isWrong = true;
      report.fault('OIDC_PROVIDERS', place + problem, expected);
    };
    const entry = readEntry(raw, fault);
    checkId(entry, seen, fault);
    if (isWrong) return [];
    const provider = providerOf(entry, reading, fault);
    if (isWrong) return [];
    seen.set(provider.id, provider);
    return [provider];
  });
  return [...own, ...listed];
}

function readOwn(id: 'google' | 'github', reading: Reading): ProviderSettings[] {
  const [idName, secretName] =
    id === 'google'
      ? (['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'] as const)
      : (['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'] as const);
  requireBoth(idName, secretName, reading);
  const { [idName]: client_id, [secretName]: client_secret } = reading.values;
  if (client_id === null || client_secret === null) return [];
  return [providerOf({ id, preset: id, client_id, client_secret }, reading, () => undefined)];
}

/** Every field by its own rule; a field that is wrong reads as if it were not there. */
function readEntry(raw: Readonly<Record<string, unknown>>, fault: Fault): Entry {
  const entry: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name as FieldName] : undefined;
    if (field === undefined) {
      fault(`it has an unknown field (${JSON.stringify(name.slice(0, 40))})`, `only ${Object.keys(FIELDS).join(', ')}`);
    } else if (field.isRight(value)) entry[name] = value;
    else fault(`${name} is not valid`, `${name}: ${field.expected}`);
  }
  const preset = presetOf(entry.preset as string | undefined);
  const needed: FieldName[] = ['id', 'client_id'];
  if (preset.clientAuth === 'apple') needed.push('team_id', 'key_id', 'private_key');
  else needed.push('client_secret');
  if (preset.issuer === null && raw.preset === undefined) needed.push('issuer');
  for (const name of needed) {
    if (raw[name] === undefined) fault(`${name} is missing`, `${name}: ${FIELDS[name].expected}`);
  }
  if (raw.base_url !== undefined && preset.protocol !== 'oauth')
    fault('base_url is for GitHub Enterprise only', 'issuer, or "preset": "github"');
  if (raw.issuer !== undefined && preset.protocol === 'oauth')
    fault('issuer is not for GitHub, which is no OpenID provider', 'base_url for GitHub Enterprise');
  return entry as unknown as Entry;
}

/** A provider's id is in stored identities, paths and audit lines: none may pass for another one (I-046, EML-16). */
function checkId({ id, preset }: Entry, seen: ReadonlyMap<string, unknown>, fault: Fault): void {
  if (id === undefined) return;
  if (seen.has(id))
    fault(
      `the id ${id} is taken, by another entry or by GOOGLE_CLIENT_ID or GITHUB_CLIENT_ID`,
      'an id of its own for each',
    );
  if ((PRESET_NAMES as string[]).includes(id) && preset !== id)
    fault(`the id ${id} is the name of a preset, but this is another provider`, `"preset": "${id}", or another id`);
}

function providerOf(entry: Entry, reading: Reading, fault: Fault): ProviderSettings {
  const preset = presetOf(entry.preset);
  const issuer = trimmed(preset.protocol === 'oauth' ? entry.base_url : entry.issuer) ?? preset.issuer ?? '';
  if (issuer.startsWith('http:') && reading.isProduction)
    fault('its issuer is plain http, where tokens can be read and replaced on the way', 'an https URL');
  return {
    id: entry.id,
    preset: entry.preset ?? null,
    name: entry.name ?? (preset.name || entry.id),
    protocol: preset.protocol,
    issuer,
    clientId: entry.client_id,
    clientAuth: clientAuthOf(entry, preset, fault),
    scopes: withOffline(entry, preset),
    responseMode: preset.responseMode,
    parameters: { ...preset.parameters, ...(entry.store_tokens ? preset.offline.parameters : {}) },
    verifiesAddresses: preset.verifiesAddresses,
    authoritativeDomains: [...preset.authoritativeDomains, ...(entry.authoritative_domains ?? [])].map((domain) =>
      domain.toLowerCase(),
    ),
    hostedDomainClaim: preset.hostedDomainClaim,
    storesTokens: entry.store_tokens ?? false,
    hosts: [...preset.hosts, ...(entry.hosts ?? [])].map((host) => host.toLowerCase()),
  };
}

// Identities are stored under the issuer: a slash more or less would make strangers of everybody.
function trimmed(url: string | undefined): string | undefined {
  return url?.replace(/\/$/, '') === URL.parse(url ?? '')?.origin ? url?.replace(/\/$/, '') : url;
}

function withOffline(entry: Entry, preset: Preset): string {
  const scopes = entry.scopes ?? preset.scopes;
  const { scope } = preset.offline;
  return entry.store_tokens && scope !== undefined && !scopes.split(' ').includes(scope)
    ? `${scopes} ${scope}`
    : scopes;
}

function clientAuthOf(entry: Entry, preset: Preset, fault: Fault): ProviderSettings['clientAuth'] {
  if (preset.clientAuth !== 'apple')
    return { kind: entry.client_auth ?? preset.clientAuth, secret: entry.client_secret ?? '' };
  if (!isP256(entry.private_key ?? ''))
    fault('private_key is no private key for ES256', 'private_key: the PEM text of the .p8 file from Apple');
  return {
    kind: 'apple',
    teamId: entry.team_id ?? '',
    keyId: entry.key_id ?? '',
    privateKey: entry.private_key ?? '',
  };
}

function isP256(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}
