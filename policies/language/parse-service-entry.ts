/** Parses ServiceEntry. */
import { parseWaypointUse } from './parse-ambient.ts';
import type { Cursor } from './parse-cursor.ts';
import { parseNamed } from './parse-traffic.ts';
import type { ServiceEntry } from './traffic.ts';

/** Parses a ServiceEntry. */
export function parseServiceEntry(document: Cursor): ServiceEntry {
  const spec = document.get('spec');
  const labels = spec.get('workloadSelector', 'labels').labels();
  return {
    ...parseNamed(document),
    hosts: spec.get('hosts').texts(),
    ports: spec
      .get('ports')
      .items()
      .map((port) => {
        const number = port.get('number').number() ?? 0;
        return {
          number,
          target: port.get('targetPort').number() ?? number,
          name: port.get('name').text(),
          protocol: port.get('protocol').text(),
        };
      }),
    location: spec.get('location').text() === 'MESH_INTERNAL' ? 'MESH_INTERNAL' : 'MESH_EXTERNAL',
    resolution: spec.get('resolution').text('NONE'),
    exportTo: spec.get('exportTo').isPresent() ? spec.get('exportTo').texts() : ['*'],
    pods: Object.keys(labels).length === 0 ? { kind: 'none' } : { kind: 'labels', labels },
    endpoints: spec.get('endpoints').items().length,
    waypoint: parseWaypointUse(document.get('metadata', 'labels').labels()),
  };
}
