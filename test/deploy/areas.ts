import { image } from './areas/image.ts';
import { processManagers } from './areas/process-managers.ts';
import { proxy } from './areas/proxy.ts';
import { release } from './areas/release.ts';
import type { Area } from './row.ts';

/** In the order in which they run. */
export const areas: readonly Area[] = [image, proxy, processManagers, release];
