/** Part of the image's build: takes what only the build needs out of the list of components (CycloneDX, standard input). */
import { readFileSync } from 'node:fs';

const isForBuilding = (reference) => /^@?esbuild\b/.test(reference);
const { components, dependencies, ...rest } = JSON.parse(readFileSync(0, 'utf8'));
const shipped = {
  ...rest,
  components: components.filter((component) => !isForBuilding(component['bom-ref'])),
  dependencies: dependencies
    .filter(({ ref }) => !isForBuilding(ref))
    .map((entry) => ({ ...entry, dependsOn: entry.dependsOn.filter((reference) => !isForBuilding(reference)) })),
};
process.stdout.write(`${JSON.stringify(shipped, null, 2)}\n`);
