/** P14 and P15: the data plane of ambient. They are ours: the reference has no operators on it. */
import { WORKLOAD_KINDS } from '../../../language/parse-workload.ts';
import { dropping, type Materials, type Operator, operator, rewriting, type Sketch } from '../mutant.ts';
import type { Spot } from '../spot.ts';

/** The labels of whatever is captured, or asks for a waypoint: namespaces, pod templates, Services. */
const labelled = (materials: Materials): readonly Spot[] => [
  ...materials.of('Namespace').map((namespace) => namespace.get('metadata', 'labels')),
  ...Object.entries(WORKLOAD_KINDS).flatMap(([kind, path]) =>
    materials.of(kind).map((workload) => workload.get(...path, 'metadata', 'labels')),
  ),
  ...materials.of('Service').map((service) => service.get('metadata', 'labels')),
];

function* uncaptured(materials: Materials): Iterable<Sketch> {
  for (const labels of labelled(materials)) {
    const mode = labels.get('istio.io/dataplane-mode');
    if (mode.text() === 'ambient') yield rewriting(mode, 'none', 'ztunnel does not capture it any more');
  }
}

function* withoutWaypoint(materials: Materials): Iterable<Sketch> {
  for (const labels of labelled(materials)) {
    const use = labels.get('istio.io/use-waypoint');
    if (use.isPresent() && use.text() !== 'none') yield rewriting(use, 'none', 'calls go around the waypoint');
  }
  for (const gateway of materials.of('Gateway'))
    if (gateway.get('spec', 'gatewayClassName').text() === 'istio-waypoint')
      yield dropping(gateway, 'the waypoint was dropped');
}

/** The operators on ambient. */
export const AMBIENT: readonly Operator[] = [
  operator('P14', 'out of ambient', uncaptured),
  operator('P15', 'no waypoint', withoutWaypoint),
];
