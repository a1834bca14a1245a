import { Type } from 'typebox';

/** Shapes that several features share. Lengths are characters; the parser has refused what is not well-formed. */
export const Email = Type.String({
  minLength: 3,
  maxLength: 320,
  examples: ['ada@example.com'],
  description: 'One mailbox.',
});
export const Password = Type.String({ minLength: 1, maxLength: 1024, examples: ['correct horse battery'] });
export const NewPassword = Type.String({
  maxLength: 1024,
  examples: ['correct horse battery'],
  description: 'PASSWORD_MIN_LENGTH to 256 characters of any kind; common, breached and guessable ones are refused.',
});
export const Name = Type.String({ minLength: 1, maxLength: 100, examples: ['Ada Lovelace'] });
export const OneTimeToken = Type.String({ minLength: 1, maxLength: 200, description: 'From the link in the mail.' });
export const Time = Type.String({ format: 'date-time' });
export const Id = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'A UUID in lower case.',
});

export const Page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before.' })),
};

/** The body of every error (RFC 9457). */
export const ProblemView = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    code: Type.String({ description: 'Stable; see docs/reference/errors.md.' }),
    request_id: Type.String(),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), code: Type.String(), message: Type.String() })),
    ),
    policy: Type.Optional(Type.String()),
    retry_after: Type.Optional(Type.Integer()),
    factors: Type.Optional(Type.Array(Type.String(), { description: 'What `POST /auth/reauthenticate` takes.' })),
    link_token: Type.Optional(Type.String({ description: '`link_required`: for `POST /me/identities`.' })),
  },
  { $id: 'Problem' },
);
