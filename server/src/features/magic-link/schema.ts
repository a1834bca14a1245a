import { Type } from 'typebox';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';
import { Email, OneTimeToken } from '../../platform/http/shapes.ts';

const LinkToken = Type.String({ ...OneTimeToken, examples: ['ml_3vQx…'] });

const Flow = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'From the answer that said `sent`. Keep it where the link was asked for.',
  examples: ['fl_Wm3x…'],
});

export const SendBody = Type.Object(
  {
    email: Email,
    return_to: Type.Optional(
      Type.String({
        maxLength: 2000,
        description:
          'Where to go afterwards: a path of this server, or an address at PUBLIC_URL or an origin of CORS_ORIGIN. Anything else is ignored.',
        examples: ['https://app.example.com/welcome'],
      }),
    ),
    device_token: SignInFields.device_token,
  },
  { additionalProperties: false },
);

export const SendAnswers = {
  202: Type.Object(
    { status: Type.Literal('sent'), flow: Flow },
    { description: 'The same whether the address is known or not. A cookie holds the flow as well.' },
  ),
};

export const VerifyBody = Type.Object(
  {
    flow: Type.Optional(Flow),
    token: Type.Optional(LinkToken),
    code: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'Instead of the token: the six digits that the link showed elsewhere.',
        examples: ['123456'],
      }),
    ),
    ...SignInFields,
  },
  { additionalProperties: false },
);
export const VerifyAnswers = { 200: SignInAnswer };

export const CodeBody = Type.Object({ token: LinkToken }, { additionalProperties: false });
export const CodeAnswers = {
  200: Type.Object({
    code: Type.String({ description: 'For `POST /auth/magic-link/verify`, with the flow.', examples: ['123456'] }),
  }),
};
