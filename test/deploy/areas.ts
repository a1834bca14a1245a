import { backup } from './areas/backup.ts';
import { clouds } from './areas/clouds.ts';
import { compose } from './areas/compose.ts';
import { database } from './areas/database.ts';
import { documents } from './areas/documents.ts';
import { image } from './areas/image.ts';
import { kubernetes } from './areas/kubernetes.ts';
import { kubernetesCluster } from './areas/kubernetes-cluster.ts';
import { logging } from './areas/logging.ts';
import { monitoring } from './areas/monitoring.ts';
import { pgbouncer } from './areas/pgbouncer.ts';
import { processManagers } from './areas/process-managers.ts';
import { proxy } from './areas/proxy.ts';
import { redis } from './areas/redis.ts';
import { release } from './areas/release.ts';
import { secretStores } from './areas/secret-stores.ts';
import { tls } from './areas/tls.ts';
import type { Area } from './row.ts';

/** In the order in which they run: the stack's areas together, one after the other on the same stack. */
export const areas: readonly Area[] = [
  image,
  compose,
  proxy,
  documents,
  logging,
  release,
  database,
  pgbouncer,
  redis,
  backup,
  monitoring,
  tls,
  processManagers,
  secretStores,
  clouds,
  kubernetes,
  kubernetesCluster,
];
