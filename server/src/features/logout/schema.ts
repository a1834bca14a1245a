import { Type } from 'typebox';

export const LogoutBody = Type.Union([
  Type.Null(),
  Type.Object(
    { refresh_token: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })) },
    { additionalProperties: false },
  ),
]);

export const LogoutAllBody = Type.Union([
  Type.Null(),
  Type.Object({ except_current: Type.Optional(Type.Boolean({ default: false })) }, { additionalProperties: false }),
]);

export const NoContent = { 204: Type.Null({ description: 'Done.' }) };
