import { type Static, Type } from 'typebox';

export const InboxQuery = Type.Object(
  {
    to: Type.Optional(
      Type.String({
        maxLength: 320,
        pattern: '^[^\\u0000]*$',
        description: 'Only mails to this address, in upper or lower case.',
      }),
    ),
  },
  { additionalProperties: false },
);

const InboxMessage = Type.Object({
  id: Type.String({ format: 'uuid' }),
  to: Type.String({ examples: ['ada@example.com'] }),
  subject: Type.String({ examples: ['Confirm your email address'] }),
  text: Type.String(),
  html: Type.String(),
  links: Type.Array(Type.String(), { description: 'The links in the text, in order.' }),
  codes: Type.Array(Type.String(), { description: 'The codes of 6 to 8 digits in the text.' }),
  sent_at: Type.String({ format: 'date-time' }),
});
export type InboxMessage = Static<typeof InboxMessage>;

export const InboxMessages = Type.Object(
  { data: Type.Array(InboxMessage) },
  { description: 'Newest first, at most 100.' },
);

export const InboxPage = { description: 'A page.', content: { 'text/html': { schema: Type.String() } } };
