import { Type } from 'typebox';
import { SessionFields } from '../../core/sessions/index.ts';
import { UserView } from '../../core/users/index.ts';
import { Email, Id, Name, Time } from '../../platform/http/shapes.ts';

const strict = { additionalProperties: false };

export const tags = {
  users: ['Administration: users'],
  roles: ['Administration: roles'],
  audit: ['Administration: audit'],
  keys: ['Administration: keys'],
  flags: ['Administration: feature flags'],
  operations: ['Administration: operations'],
};

export const NoContent = { 204: Type.Null({ description: 'Done.' }) };
export const IdParams = Type.Object({ id: Id }, strict);
export const SessionParams = Type.Object({ id: Id, sid: Id }, strict);
export const Page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1000, description: '`next_cursor` of the page before.' }),
  ),
};
export const PageQuery = Type.Object(Page, strict);

export const listOf = <T extends Parameters<typeof Type.Array>[0]>(item: T, description: string) =>
  Type.Object({ data: Type.Array(item), next_cursor: Type.Union([Type.String(), Type.Null()]) }, { description });

const nullable = <T extends Parameters<typeof Type.Array>[0]>(one: T) => Type.Union([one, Type.Null()]);

export const RoleName = Type.String({
  pattern: '^[a-z][a-z0-9_-]{0,49}$',
  examples: ['support'],
  description: 'Lower case, digits, `-` and `_`.',
});
const Roles = Type.Array(RoleName, { maxItems: 50, examples: [['support']] });
const Locale = Type.String({ maxLength: 35, pattern: '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$', examples: ['en-GB'] });

export const AdminUser = Type.Object(
  {
    ...UserView.properties,
    permissions: Type.Array(Type.String(), { description: 'What the roles come to.' }),
    version: Type.Integer({ description: 'The ETag: send it as `If-Match: "<version>"`.', examples: [3] }),
  },
  { $id: 'AdminUser', description: 'An account as administrators see it.' },
);
export const UserAnswers = { 200: AdminUser };
export const CreatedAnswers = { 201: AdminUser };
export const UsersAnswers = { 200: listOf(AdminUser, 'A page of accounts.') };
export const UsersQuery = Type.Object(
  {
    query: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 254,
        pattern: '^[^\\u0000-\\u001f\\u007f]+$',
        description: 'The beginning of an address or of a name.',
      }),
    ),
    status: Type.Optional(Type.Union([Type.Literal('active'), Type.Literal('disabled')])),
    role: Type.Optional(RoleName),
    verified: Type.Optional(Type.Boolean()),
    sort: Type.Optional(
      Type.Union([
        Type.Literal('-created_at'),
        Type.Literal('created_at'),
        Type.Literal('email'),
        Type.Literal('-email'),
      ]),
    ),
    ...Page,
  },
  strict,
);
export const CreateUserBody = Type.Object(
  {
    email: Email,
    name: Type.Optional(Name),
    locale: Type.Optional(Locale),
    roles: Type.Optional(Roles),
    email_verified: Type.Optional(Type.Boolean({ default: false })),
  },
  strict,
);
export const ChangeUserBody = Type.Object(
  {
    name: Type.Optional(nullable(Name)),
    picture: Type.Optional(
      nullable(
        Type.String({
          maxLength: 2048,
          pattern: '^https://[^\\u0000-\\u0020]+$',
          examples: ['https://example.com/ada.png'],
        }),
      ),
    ),
    locale: Type.Optional(nullable(Locale)),
  },
  { ...strict, minProperties: 1 },
);
const Reason = Type.String({
  minLength: 3,
  maxLength: 500,
  examples: ['Ticket 4711'],
  description: 'Kept in the audit log.',
});
export const DisableBody = Type.Union([Type.Null(), Type.Object({ reason: Type.Optional(Reason) }, strict)]);
export const ImpersonateBody = Type.Object({ reason: Reason }, strict);
export const ResetSentAnswers = { 202: Type.Object({ status: Type.Literal('reset_sent') }) };
export const ImpersonateAnswers = {
  200: Type.Object(
    {
      access_token: Type.String({ description: 'Carries `act.sub`: the administrator.' }),
      token_type: Type.Literal('Bearer'),
      expires_in: Type.Integer(),
      refresh_token: Type.String({ description: 'For as long as the session lives: an hour.' }),
      session_id: Id,
      session_expires_at: Time,
      user: AdminUser,
    },
    { description: 'A session as this user.' },
  ),
};

export const AdminSession = Type.Object({ id: Id, ...SessionFields }, { $id: 'AdminSession' });
export const SessionsAnswers = { 200: listOf(AdminSession, 'Live sessions, newest first.') };

export const UserRolesBody = Type.Object({ roles: Roles }, strict);
export const UserRolesAnswers = {
  200: Type.Object(
    { roles: Type.Array(Type.String()), permissions: Type.Array(Type.String()) },
    { description: 'The ETag is the user’s.' },
  ),
};
