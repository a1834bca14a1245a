import { Type } from 'typebox';
import { KEY_PATTERN, LIMITS, TEXT_PATTERN } from '../../core/flags/index.ts';
import { Id, Time } from '../../platform/http/shapes.ts';
import { RoleName } from './schema.ts';

const strict = { additionalProperties: false };

const Value = Type.Union([Type.Boolean(), Type.String({ maxLength: LIMITS.text, pattern: TEXT_PATTERN })]);
const Rule = Type.Object(
  {
    users: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: LIMITS.users, description: 'One of these users.' })),
    roles: Type.Optional(
      Type.Array(RoleName, {
        minItems: 1,
        maxItems: LIMITS.roles,
        examples: [['beta']],
        description: 'Whoever has one of these roles.',
      }),
    ),
    share: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        examples: [25],
        description: 'Percent. A share that grows keeps all whom it had.',
      }),
    ),
    value: Value,
  },
  { ...strict, description: 'Fits where all the conditions that it names hold; it names one at least.' },
);
const Rules = Type.Array(Rule, { maxItems: LIMITS.rules, description: 'The first that fits decides.' });
const Key = Type.String({ pattern: KEY_PATTERN, examples: ['shop.checkout'] });
const Description = Type.String({ maxLength: LIMITS.description, pattern: TEXT_PATTERN });
const Enabled = Type.Boolean({ description: 'False: the rules rest, and everybody gets the default.' });

const FlagView = Type.Object(
  {
    key: Key,
    type: Type.Union([Type.Literal('boolean'), Type.Literal('string')]),
    declared: Type.Boolean({ description: 'One of the server’s own flags.' }),
    description: Type.String(),
    enabled: Enabled,
    default: Value,
    rules: Rules,
    updated_at: Type.Union([Time, Type.Null()], { description: 'Null: not set, so that the server’s default stands.' }),
  },
  { $id: 'Flag' },
);
export const FlagsAnswers = {
  200: Type.Object({ data: Type.Array(FlagView) }, { description: 'By key. With an ETag.' }),
};

const FlagSetting = Type.Object(
  {
    key: Key,
    description: Type.Optional(Description),
    enabled: Type.Optional(Enabled),
    default: Type.Optional(Value),
    rules: Type.Optional(Rules),
  },
  strict,
);
export const FlagsBody = Type.Object(
  {
    flags: Type.Array(FlagSetting, {
      maxItems: LIMITS.flags,
      examples: [[{ key: 'registration', default: false }]],
    }),
  },
  strict,
);
