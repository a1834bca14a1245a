import { Type } from 'typebox';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';
import { Email, NewPassword, OneTimeToken } from '../../platform/http/shapes.ts';

export const SetupBody = Type.Object(
  { token: OneTimeToken, email: Email, password: NewPassword, ...SignInFields },
  { additionalProperties: false },
);
export const SetupAnswers = { 200: SignInAnswer };
