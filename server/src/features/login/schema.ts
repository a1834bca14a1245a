import { Type } from 'typebox';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';
import { Email, Password } from '../../platform/http/shapes.ts';

export const LoginBody = Type.Object(
  { email: Email, password: Password, ...SignInFields },
  { additionalProperties: false },
);

export const LoginAnswers = { 200: SignInAnswer };
