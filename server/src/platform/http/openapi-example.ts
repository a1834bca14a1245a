import type { JsonSchema } from './openapi-document.ts';

const BY_FORMAT: Record<string, string> = {
  'date-time': '2026-11-23T12:00:00.000Z',
  uuid: '019abcde-0000-7000-8000-000000000001',
  email: 'ada@example.com',
};
const BY_NAME: Record<string, unknown> = {
  id: '019abcde-0000-7000-8000-000000000001',
  email: 'ada@example.com',
  name: 'Ada Lovelace',
  picture: 'https://example.com/ada.png',
  locale: 'en',
  access_token: 'eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIuLi4ifQ.c2ln',
  refresh_token: 'rt_AZq83gAAcAC…',
  device_token: 'dt_4fX0…',
  csrf_token: 'Qm9v…',
  token: 've_7h2…',
  cursor: '019abcde-0000-7000-8000-000000000001',
  next_cursor: null,
  roles: ['admin'],
  permissions: ['users:read'],
  amr: ['pwd'],
  factors: ['totp', 'recovery_code'],
  recovery_codes: ['7k3m-9x2q-hv4t-0c8w-5n6r-jd1e'],
  mfa_token: 'mf_Zt8w…',
  flow: 'fl_kP3x…',
  code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  link_token: 'lk_9sQd…',
  return_to: 'https://app.example.com/done',
  authorization_url: 'https://accounts.google.com/o/oauth2/v2/auth?…',
  address: '203.0.113.7',
  user_agent: 'Mozilla/5.0',
  expires_in: 900,
  auth_time: 1_795_000_000,
};

/** A value that fits the schema and reads like a real one. */
export function exampleOf(schema: JsonSchema, name = ''): unknown {
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum?.[0] !== undefined) return schema.enum[0];
  if (schema.type === 'object' || schema.properties) return objectExample(schema);
  if (schema.type === 'array') return (BY_NAME[name] as unknown[]) ?? (schema.items ? [exampleOf(schema.items)] : []);
  if (name in BY_NAME) return BY_NAME[name];
  if (schema.default !== undefined) return schema.default;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices?.[0]) return exampleOf(choices[0], name);
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 0;
  if (schema.type === 'boolean') return true;
  if (schema.type === 'string') return BY_FORMAT[schema.format ?? ''] ?? '…';
  return {};
}

function objectExample(schema: JsonSchema): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, exampleOf(inner, name)]),
  );
}
