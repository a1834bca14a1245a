import { Type } from 'typebox';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';

const MfaToken = Type.String({
  minLength: 1,
  maxLength: 200,
  description: '`mfa_token` of the answer that asked for a second factor.',
  examples: ['mf_bE9y…'],
});
const Code = Type.String({
  minLength: 1,
  maxLength: 1024,
  description:
    'Six digits, a recovery code, or the password. Spaces, hyphens and full-width digits are forgiven in codes.',
  examples: ['123456'],
});
export const TotpCode = Type.String({ minLength: 1, maxLength: 64, examples: ['123456'] });

/** `PublicKeyCredential.toJSON()` (WebAuthn Level 3, section 5.1.8), as far as the server looks at it. */
const PasskeyResponse = {
  id: Type.Optional(Type.String({ maxLength: 1400 })),
  rawId: Type.Optional(Type.String({ maxLength: 1400 })),
  type: Type.Optional(Type.Literal('public-key')),
  response: Type.Optional(
    Type.Record(Type.String({ maxLength: 40 }), Type.Unknown(), {
      description: 'What the browser answered, as it is.',
    }),
  ),
  authenticatorAttachment: Type.Optional(Type.Union([Type.String({ maxLength: 40 }), Type.Null()])),
  clientExtensionResults: Type.Optional(Type.Record(Type.String({ maxLength: 100 }), Type.Unknown())),
  credential: Type.Optional(
    Type.Record(Type.String({ maxLength: 40 }), Type.Unknown(), {
      description: 'The same, if you would rather nest it.',
    }),
  ),
};

export const MfaBody = Type.Object(
  {
    mfa_token: MfaToken,
    factor: Type.Optional(
      Type.Union(
        (['passkey', 'totp', 'email', 'password', 'recovery_code'] as const).map((name) => Type.Literal(name)),
        { description: 'One of `factors`. Absent with a passkey’s response.', examples: ['totp'] },
      ),
    ),
    code: Type.Optional(Code),
    trust_device: Type.Optional(
      Type.Boolean({ description: 'No second factor on this device for TRUSTED_DEVICE_AGE.', default: false }),
    ),
    ...PasskeyResponse,
    ...SignInFields,
  },
  { additionalProperties: false },
);
export const MfaAnswers = { 200: SignInAnswer };

export const TokenBody = Type.Object({ mfa_token: MfaToken }, { additionalProperties: false });
export const OptionsAnswers = {
  200: Type.Object(
    {},
    { additionalProperties: true, description: 'For `PublicKeyCredential.parseRequestOptionsFromJSON`.' },
  ),
};
export const SentAnswers = { 202: Type.Object({ status: Type.Literal('sent') }) };

export const TotpEnrolment = Type.Object(
  {
    secret: Type.String({ description: 'Base32, for typing it in.' }),
    otpauth_uri: Type.String(),
    qr_svg: Type.String({ description: 'The same as an SVG image.' }),
  },
  { $id: 'TotpEnrolment' },
);
export const EnrolAnswers = { 200: TotpEnrolment };
export const ConfirmBody = Type.Object(
  { mfa_token: MfaToken, code: TotpCode, ...SignInFields },
  { additionalProperties: false },
);
