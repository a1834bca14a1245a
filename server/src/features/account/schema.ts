import { Type } from 'typebox';
import { UserView } from '../../core/users/index.ts';
import { Email, Name, NewPassword, OneTimeToken, Password } from '../../platform/http/shapes.ts';

export const MeAnswers = { 200: UserView };
export const ProfileBody = Type.Object(
  {
    name: Type.Optional(Type.Union([Name, Type.Null()])),
    picture: Type.Optional(
      Type.Union([
        Type.String({ maxLength: 2048, pattern: '^https://', description: 'An https address.' }),
        Type.Null(),
      ]),
    ),
    locale: Type.Optional(
      Type.Union([
        Type.String({ maxLength: 35, pattern: '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$', examples: ['en-GB'] }),
        Type.Null(),
      ]),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);
export const ChangePasswordBody = Type.Object(
  { current_password: Password, new_password: NewPassword },
  { additionalProperties: false },
);
export const ChangeEmailBody = Type.Object({ email: Email }, { additionalProperties: false });
export const ChangeEmailAnswers = { 202: Type.Object({ status: Type.Literal('verification_sent') }) };
export const TokenBody = Type.Object({ token: OneTimeToken }, { additionalProperties: false });
export const ConfirmAnswers = { 200: Type.Object({ status: Type.Literal('confirmed') }) };
export const UndoAnswers = { 200: Type.Object({ status: Type.Literal('undone') }) };
export const NoContent = { 204: Type.Null({ description: 'Done.' }) };
export const ExportAnswers = { 200: Type.Unknown({ description: 'Everything that is kept about the user.' }) };
