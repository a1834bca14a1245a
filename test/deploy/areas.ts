import { image } from './areas/image.ts';
import { processManagers } from './areas/process-managers.ts';
import type { Area } from './row.ts';

/** In the order in which they run. */
export const areas: readonly Area[] = [image, processManagers];
