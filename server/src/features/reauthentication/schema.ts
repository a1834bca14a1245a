import { Type } from 'typebox';
import { Password } from '../../platform/http/shapes.ts';

export const ReauthenticateBody = Type.Object({ password: Password }, { additionalProperties: false });
export const ReauthenticateAnswers = {
  200: Type.Object({
    status: Type.Literal('complete'),
    auth_time: Type.Integer({ description: 'Seconds since the epoch.' }),
    access_token: Type.Optional(Type.String({ description: 'With the new `auth_time`; bearer sessions only.' })),
    token_type: Type.Optional(Type.Literal('Bearer')),
    expires_in: Type.Optional(Type.Integer()),
    csrf_token: Type.Optional(Type.String()),
  }),
};
export const CsrfAnswers = { 200: Type.Object({ csrf_token: Type.String() }) };
