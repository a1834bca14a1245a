import { idOf, type Kit } from './kit.ts';
import type { Manifest } from './manifest.ts';
import { networkFaults } from './network.ts';
import { podFaults } from './pods.ts';
import { settingsFaults } from './settings.ts';
import { strictFaults } from './strict.ts';
import { wiringFaults } from './wiring.ts';

/** Everything that is wrong with it, as far as can be told without a cluster. */
export async function kitFaults(kit: Kit): Promise<string[]> {
  const strict = await Promise.all(kit.manifests.map(strictFaults));
  const faults = [...strict.flat(), ...twiceFaults(kit.manifests)];
  // What does not fit the schema cannot be asked about what it means.
  if (faults.length > 0) return faults;
  const { told, faults: wrong } = await settingsFaults(kit);
  return [...wrong, ...podFaults(kit, told), ...wiringFaults(kit, told), ...networkFaults(kit, told)];
}

function twiceFaults(manifests: readonly Manifest[]): string[] {
  const names = manifests.map((one) => `${one.metadata.namespace ?? ''} ${idOf(one)}`);
  const twice = names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name} is there twice`);
  const namespaces = manifests.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
  const strays = manifests
    .filter(({ kind, metadata }) => kind !== 'Namespace' && !namespaces.includes(metadata.namespace ?? 'default'))
    .map((one) => `${idOf(one)}: its namespace ${one.metadata.namespace} is not among the manifests`);
  return [...twice, ...strays];
}
