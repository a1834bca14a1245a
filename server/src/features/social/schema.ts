import { Type } from 'typebox';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';
import { Id, Time } from '../../platform/http/shapes.ts';

const Nullable = Type.Union([Type.String(), Type.Null()]);

export const ProviderParams = Type.Object(
  { provider: Type.String({ maxLength: 64 }) },
  { additionalProperties: false },
);
export const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) }, { additionalProperties: false });
export const NoContent = { 204: Type.Null({ description: 'Done.' }) };

export const ReturnTo = Type.String({
  minLength: 1,
  maxLength: 2000,
  examples: ['/account', 'https://app.example.com/signed-in'],
  description: 'A path of this server, or an address at an origin of CORS_ORIGIN.',
});

const CodeVerifier = Type.Optional(
  Type.String({
    pattern: '^[A-Za-z0-9._~-]{43,128}$',
    description: 'What the `code_challenge` was made of. Without one: the browser that began, by its cookie.',
  }),
);

export const StartQuery = Type.Object(
  {
    return_to: Type.Optional(ReturnTo),
    code_challenge: Type.Optional(
      Type.String({
        maxLength: 200,
        description: 'base64url of the SHA-256 of a secret of the application (PKCE, S256). Then the answer is a code.',
      }),
    ),
    code_challenge_method: Type.Optional(Type.Literal('S256')),
    session: Type.Optional(
      Type.Union([Type.Literal('token'), Type.Literal('cookie')], {
        description: 'Without `return_to`: what kind of session the JSON answer starts.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const Redirect = { 302: Type.Null({ description: 'On to the address in `Location`.' }) };

/** Providers add parameters of their own, which nobody looks at. */
export const Brought = Type.Object(
  {
    state: Type.Optional(Type.String({ maxLength: 200 })),
    code: Type.Optional(Type.String({ maxLength: 4096 })),
    iss: Type.Optional(Type.String({ maxLength: 1000 })),
    error: Type.Optional(Type.String({ maxLength: 1000 })),
    user: Type.Optional(Type.String({ maxLength: 2000, description: 'Apple, at the first sign-in.' })),
  },
  { additionalProperties: true },
);

export const ComeBackAnswers = { 200: SignInAnswer, ...Redirect };

export const ProvidersAnswers = {
  200: Type.Object({
    data: Type.Array(
      Type.Object({
        id: Type.String({ examples: ['google'] }),
        name: Type.String({ examples: ['Google'] }),
        start_url: Type.String({ examples: ['https://auth.example.com/api/v1/oauth/google/start'] }),
      }),
    ),
  }),
};

export const ExchangeBody = Type.Object(
  {
    code: Type.String({ minLength: 1, maxLength: 200, description: 'From the query of `return_to`.' }),
    code_verifier: CodeVerifier,
    ...SignInFields,
  },
  { additionalProperties: false },
);
export const ExchangeAnswers = { 200: SignInAnswer };

export const LinkBody = Type.Object({ return_to: ReturnTo }, { additionalProperties: false });
export const LinkAnswers = {
  200: Type.Object({ authorization_url: Type.String({ description: 'Send the browser there.' }) }),
};

export const IdentityView = Type.Object(
  {
    id: Id,
    provider: Type.String({ examples: ['google'] }),
    email: Type.Union([Type.String(), Type.Null()], {
      description: 'As the provider last named it. It proves nothing.',
    }),
    has_token: Type.Boolean({ description: 'Whether a token of the provider is kept (`store_tokens`).' }),
    created_at: Time,
    last_used_at: Time,
  },
  { $id: 'Identity', description: 'An account at a provider that is linked to this one.' },
);

export const IdentitiesAnswers = {
  200: Type.Object({ data: Type.Array(IdentityView), next_cursor: Nullable }),
};
export const LinkTokenBody = Type.Object(
  {
    link_token: Type.String({ minLength: 1, maxLength: 200, description: 'From the answer `link_required`.' }),
    code_verifier: CodeVerifier,
  },
  { additionalProperties: false },
);
export const LinkedAnswers = { 201: IdentityView };

export const TokenAnswers = {
  200: Type.Object({
    access_token: Type.String({ description: 'The provider’s, renewed if it was over.' }),
    expires_at: Type.Union([Time, Type.Null()]),
    scope: Nullable,
  }),
};
