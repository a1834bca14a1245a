import { Type } from 'typebox';

export const MyFlagsAnswers = {
  200: Type.Object(
    {
      flags: Type.Record(Type.String(), Type.Union([Type.Boolean(), Type.String()]), {
        examples: [{ registration: true, 'shop.checkout': 'new' }],
      }),
    },
    { description: 'Every flag by its key, with its value for this user.' },
  ),
};
