import { group } from './command.ts';

export const data = group('Move the data to another database.', {
  move: {
    summary: 'Copy the embedded database into an empty PostgreSQL.',
    load: async () => (await import('./data/move.ts')).move,
  },
});
