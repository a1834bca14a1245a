import { Type } from 'typebox';
import { Refusal } from '../../lib/refusal.ts';
import type { BrowserResponse } from './browser-response.ts';
import type { PasskeyRow } from './store.ts';

const Time = Type.String({ format: 'date-time' });

/** A passkey as its owner sees it. */
export const PasskeyView = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    created_at: Time,
    last_used_at: Type.Union([Time, Type.Null()]),
    backed_up: Type.Boolean({ description: 'Whether a copy is kept by the provider of the passkey.' }),
    backup_eligible: Type.Boolean({ description: 'Whether it may be synced among devices.' }),
    second_factor_only: Type.Boolean({ description: 'Made without user verification: it signs nobody in by itself.' }),
    aaguid: Type.String({ description: 'The make of the authenticator, as it says itself; zeros: unknown.' }),
    transports: Type.Array(Type.String()),
  },
  { $id: 'Passkey' },
);

export function passkeyView(row: PasskeyRow) {
  const { id, name, backed_up, backup_eligible, second_factor_only, aaguid, transports } = row;
  return {
    id,
    name,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
    backed_up,
    backup_eligible,
    second_factor_only,
    aaguid,
    transports,
  };
}

const Id = Type.String({ maxLength: 1400, description: 'The credential id, base64url.' });

/** `PublicKeyCredential.toJSON()`, at the top of a body or nested under `credential`. */
export const PasskeyResponseFields = {
  id: Type.Optional(Id),
  rawId: Type.Optional(Id),
  type: Type.Optional(Type.Literal('public-key')),
  response: Type.Optional(
    Type.Record(Type.String({ maxLength: 40 }), Type.Unknown(), { description: 'What the browser gave, as it is.' }),
  ),
  clientExtensionResults: Type.Optional(Type.Record(Type.String({ maxLength: 100 }), Type.Unknown())),
  authenticatorAttachment: Type.Optional(Type.Union([Type.String({ maxLength: 40 }), Type.Null()])),
  credential: Type.Optional(
    Type.Record(Type.String({ maxLength: 40 }), Type.Unknown(), {
      description: 'The whole response, for who would rather nest it.',
    }),
  ),
};

/** The browser's response of a body, wherever it is; without any the fields that are missing are named. */
export function passkeyResponseOf(body: Record<string, unknown>): BrowserResponse {
  const { credential, id, rawId, type, response } = body;
  if (typeof credential === 'object' && credential !== null) return credential as BrowserResponse;
  const missing = Object.entries({ id, rawId, type, response }).filter(([, value]) => value === undefined);
  if (missing.length > 0) {
    const errors = missing.map(([field]) => ({ field, code: 'required', message: 'is missing' }));
    throw new Refusal('validation_failed', { detail: 'The body is not valid.', errors });
  }
  return { id, rawId, type, response };
}
