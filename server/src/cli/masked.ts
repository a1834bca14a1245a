import type { Config } from '../config/config.ts';
import { type Name, table } from '../config/table.ts';

// Of what is made of several settings, only these parts are shown: whatever comes later is a secret until it stands here.
const PUBLIC_PARTS = new Set([
  'kind',
  'directory',
  'host',
  'port',
  'database',
  'user',
  'username',
  'tls',
  'rejectUnauthorized',
  'poolMin',
  'poolMax',
  'secure',
  'requireTls',
  'region',
  'endpoint',
  'max',
  'seconds',
  'keyPath',
  'certPath',
  'caPath',
  'redirectUrl',
  'clientId',
  'connection',
  'direct',
  'google',
  'github',
]);

/** The settings for a person's eyes. */
export function shownSettings(config: Config): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, shownSetting(name, value)]));
}

function shownSetting(name: string, value: unknown): unknown {
  const entry = Object.hasOwn(table, name) ? table[name as Name] : undefined;
  if (entry?.isSecret === true) return hidden(value);
  return entry === undefined ? shownPart(value) : (value ?? '(none)');
}

function shownPart(value: unknown): unknown {
  if (value === null || value === undefined) return '(none)';
  if (typeof value !== 'object') return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return hidden(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, PUBLIC_PARTS.has(name) ? shownPart(part) : hidden(part)]),
  );
}

function hidden(value: unknown): string {
  const isSet = Array.isArray(value) ? value.length > 0 : value !== null && value !== undefined && value !== '';
  if (!isSet) return '(none)';
  return Array.isArray(value) && value.length > 1 ? `(secret, ${value.length} of them)` : '(secret)';
}
