import { initRows } from '../database/init-rows.ts';
import { roleRows } from '../database/role-rows.ts';
import { serverRows } from '../database/server-rows.ts';
import type { Area } from '../row.ts';

export const database: Area = {
  name: 'database',
  title: 'PostgreSQL: its settings, its roles, and the servers on it',
  needs: ['images:postgres', 'images:redis', 'app-image'],
  rows: [...serverRows, ...initRows, ...roleRows],
};
