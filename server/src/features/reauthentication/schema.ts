import { Type } from 'typebox';
import { Password } from '../../platform/http/shapes.ts';

export const ReauthenticateBody = Type.Object(
  {
    password: Type.Optional(Password),
    factor: Type.Optional(
      Type.Union(
        (['passkey', 'totp', 'recovery_code'] as const).map((name) => Type.Literal(name)),
        { description: 'Instead of the password.', examples: ['totp'] },
      ),
    ),
    code: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, examples: ['123456'] })),
    credential: Type.Optional(
      Type.Record(Type.String({ maxLength: 40 }), Type.Unknown(), {
        description:
          'With `passkey`: what the browser answered to the options of `/auth/reauthenticate/passkey-options`.',
      }),
    ),
  },
  { additionalProperties: false },
);
export const ReauthenticateAnswers = {
  200: Type.Object({
    status: Type.Literal('complete'),
    auth_time: Type.Integer({ description: 'Seconds since the epoch.' }),
    access_token: Type.Optional(Type.String({ description: 'With the new `auth_time`; bearer sessions only.' })),
    token_type: Type.Optional(Type.Literal('Bearer')),
    expires_in: Type.Optional(Type.Integer()),
    csrf_token: Type.Optional(Type.String()),
  }),
};
export const OptionsAnswers = {
  200: Type.Object(
    {},
    { additionalProperties: true, description: 'For `PublicKeyCredential.parseRequestOptionsFromJSON`.' },
  ),
};
export const CsrfAnswers = { 200: Type.Object({ csrf_token: Type.String() }) };
