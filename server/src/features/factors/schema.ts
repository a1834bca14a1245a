import { Type } from 'typebox';

const Code = Type.String({ minLength: 1, maxLength: 64, examples: ['123456'] });
const RecoveryCodes = Type.Array(Type.String({ examples: ['7k3m-9x2q-hv4t-0c8w-5n6r-jd1e'] }), {
  description: 'Ten codes, each for one use. Shown once: only their hashes are kept.',
});

export const StateAnswers = {
  200: Type.Object({
    factors: Type.Array(Type.String(), { description: 'What a sign-in asks for, in this order; empty: nothing.' }),
    totp: Type.Boolean(),
    email: Type.Boolean({ examples: [false], description: 'Whether a code by mail is a second factor.' }),
    passkeys: Type.Integer(),
    recovery_codes_left: Type.Integer(),
  }),
};
export const EnrolAnswers = {
  200: Type.Object({
    secret: Type.String({ description: 'Base32, for typing it in.', examples: ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'] }),
    otpauth_uri: Type.String(),
    qr_svg: Type.String({ description: 'The same as an SVG image.' }),
  }),
};
export const CodeBody = Type.Object({ code: Code }, { additionalProperties: false });
export const CodesAnswers = {
  200: Type.Object({
    recovery_codes: RecoveryCodes,
    csrf_token: Type.Optional(Type.String({ description: 'Cookie sessions: the cookie has a new value.' })),
  }),
};
export const FlowAnswers = {
  202: Type.Object({ status: Type.Literal('sent'), flow: Type.String({ description: 'Send it back with the code.' }) }),
};
export const FlowBody = Type.Object(
  { flow: Type.String({ minLength: 1, maxLength: 200 }), code: Code },
  { additionalProperties: false },
);
export const MaybeCodesAnswers = {
  200: Type.Object({
    status: Type.Literal('enrolled'),
    recovery_codes: Type.Optional(RecoveryCodes),
  }),
};
export const NoContent = { 204: Type.Null() };
