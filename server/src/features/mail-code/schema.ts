import { Type } from 'typebox';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';
import { Email } from '../../platform/http/shapes.ts';

export const SendBody = Type.Object(
  { email: Email, device_token: SignInFields.device_token },
  { additionalProperties: false },
);

const Flow = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'From the answer that said `sent`. Keep it where the code was asked for.',
  examples: ['fl_Wm3x…'],
});

export const SendAnswers = {
  202: Type.Object(
    { status: Type.Literal('sent'), flow: Flow },
    { description: 'The same whether the address is known or not.' },
  ),
};

export const VerifyBody = Type.Object(
  {
    flow: Flow,
    code: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Six digits. Spaces, hyphens and full-width digits are forgiven.',
      examples: ['123456'],
    }),
    ...SignInFields,
  },
  { additionalProperties: false },
);
export const VerifyAnswers = { 200: SignInAnswer };
