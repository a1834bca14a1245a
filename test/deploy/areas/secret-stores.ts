import type { Area } from '../row.ts';
import { rows } from '../secret-stores/rows.ts';

export const secretStores: Area = {
  name: 'secret-stores',
  title: 'Secret stores: the server on references, and rotation',
  rows,
};
