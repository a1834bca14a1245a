import { Type } from 'typebox';
import { PasskeyResponseFields, PasskeyView } from '../../core/passkeys/index.ts';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';
import { Email, Name, Page } from '../../platform/http/shapes.ts';

const strict = { additionalProperties: false };

const Descriptors = Type.Array(
  Type.Object({
    id: Type.String({ description: 'A credential id, base64url.' }),
    type: Type.Literal('public-key'),
    transports: Type.Array(Type.String()),
  }),
);

export const RequestOptions = Type.Object(
  {
    challenge: Type.String({ description: '256 random bits, base64url.' }),
    rpId: Type.String({ examples: ['example.com'] }),
    allowCredentials: Descriptors,
    timeout: Type.Integer(),
    userVerification: Type.String({ examples: ['required'] }),
  },
  { $id: 'PasskeyRequestOptions', description: '`PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3).' },
);

export const CreationOptions = Type.Object(
  {
    rp: Type.Object({ id: Type.String({ examples: ['example.com'] }), name: Type.String({ examples: ['Example'] }) }),
    user: Type.Object({ id: Type.String(), name: Type.String(), displayName: Type.String() }),
    challenge: Type.String({ description: '256 random bits, base64url.' }),
    pubKeyCredParams: Type.Array(Type.Object({ alg: Type.Integer(), type: Type.Literal('public-key') })),
    timeout: Type.Integer(),
    excludeCredentials: Descriptors,
    authenticatorSelection: Type.Object({
      residentKey: Type.String(),
      requireResidentKey: Type.Boolean(),
      userVerification: Type.String(),
    }),
    attestation: Type.String({ description: '`direct` where PASSKEY_ATTESTATION_ROOTS is set, else `none`.' }),
    extensions: Type.Object({ credProps: Type.Boolean() }),
  },
  { $id: 'PasskeyCreationOptions', description: '`PublicKeyCredentialCreationOptionsJSON` (WebAuthn Level 3).' },
);

const EXAMPLE = {
  id: 'q7c0…',
  rawId: 'q7c0…',
  type: 'public-key',
  authenticatorAttachment: 'platform',
  clientExtensionResults: {},
};

export const OptionsBody = Type.Object(
  { email: Type.Optional(Type.String({ maxLength: 320, description: 'Not looked at: the answer is the same.' })) },
  strict,
);
export const VerifyBody = Type.Object(
  { ...PasskeyResponseFields, ...SignInFields },
  {
    ...strict,
    examples: [
      {
        ...EXAMPLE,
        response: { clientDataJSON: 'eyJ0…', authenticatorData: 'SZYN…', signature: 'MEUC…', userHandle: 'AZZs…' },
        session: 'cookie',
      },
    ],
  },
);
export const SignInAnswers = { 200: SignInAnswer };

export const SignUpOptionsBody = Type.Object({ email: Email, name: Type.Optional(Name) }, strict);
const created = {
  ...EXAMPLE,
  response: { clientDataJSON: 'eyJ0…', attestationObject: 'o2Nm…', transports: ['internal', 'hybrid'] },
};
export const SignUpBody = Type.Object(
  { ...PasskeyResponseFields, ...SignInFields },
  { ...strict, examples: [created] },
);
export const SignUpAnswers = {
  201: SignInAnswer,
  202: Type.Object({ status: Type.Literal('verification_sent') }),
};

export const OwnOptionsBody = Type.Object(
  {
    user_verification: Type.Optional(
      Type.Union([Type.Literal('required'), Type.Literal('discouraged')], {
        default: 'required',
        description:
          '`discouraged`: a security key without PIN, which is then a second factor only and signs nobody in by itself.',
      }),
    ),
  },
  strict,
);
export const AddBody = Type.Object(
  { name: Type.Optional(Name), ...PasskeyResponseFields },
  { ...strict, examples: [{ name: 'Phone', ...created }] },
);
export const AddAnswers = {
  201: Type.Object({
    ...PasskeyView.properties,
    recovery_codes: Type.Optional(
      Type.Array(Type.String(), { description: 'With the first second factor of the account. Shown once.' }),
    ),
    csrf_token: Type.Optional(
      Type.String({ description: 'Cookie sessions, with the first second factor: the cookie has a new value.' }),
    ),
  }),
};
export const ListQuery = Type.Object(Page, strict);
export const ListAnswers = {
  200: Type.Object({ data: Type.Array(PasskeyView), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
};
export const IdParams = Type.Object({ id: Type.String() });
export const RenameBody = Type.Object({ name: Name }, strict);
export const RenameAnswers = { 200: PasskeyView };
export const NoContent = { 204: Type.Null() };

export const RelatedOrigins = Type.Object({ origins: Type.Array(Type.String()) });
