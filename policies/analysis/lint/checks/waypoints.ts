/** Waypoints that are not there, that can be gone around, or that are not let in. Source: semantics.md 12. */
import type { Waypoint } from '../../../language/ambient.ts';
import type { AuthorizationPolicy, Clause, PeerPattern } from '../../../language/authorization.ts';
import type { Mesh, Workload } from '../../../language/mesh.ts';
import { parseWaypointUse } from '../../../language/parse-ambient.ts';
import { isAmbient } from '../../ambient/capture.ts';
import { entrancesBefore, identityOf, waypointText } from '../../ambient/waypoints.ts';
import { policiesAtZtunnel, rulesAtZtunnel } from '../../ambient/ztunnel-rules.ts';
import { applicable } from '../../attachment.ts';
import { acceptsPeer } from '../../matching.ts';
import { tryFindNamespace } from '../../namespace.ts';
import { atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

function* missingWaypoints({ mesh }: Context): Generator<Sighting> {
  const asked = [
    ...mesh.namespaces.map((each) => ({
      kind: 'Namespace',
      use: parseWaypointUse(each.labels),
      own: each.name,
      ...each,
      namespace: '',
    })),
    ...mesh.services.map((each) => ({ kind: 'Service', use: each.waypoint, own: each.namespace, ...each })),
    ...mesh.serviceEntries.map((each) => ({ kind: 'ServiceEntry', use: each.waypoint, own: each.namespace, ...each })),
    ...mesh.workloads.map((each) => ({ use: parseWaypointUse(each.labels), own: each.namespace, ...each })),
  ];
  for (const { use, own, ...subject } of asked) {
    if (use.kind !== 'named') continue;
    const namespace = use.namespace ?? own;
    if (mesh.waypoints.some((waypoint) => waypoint.namespace === namespace && waypoint.name === use.name)) continue;
    const { kind, name, at } = subject;
    yield atObject(
      kind,
      { namespace: subject.namespace, name, at },
      `asks for waypoint \`${namespace}/${use.name}\`, which is not among the manifests: no policy of it runs`,
    );
  }
}

/** Who gets past a workload's ztunnel as a caller of its own: the waypoint must be the only one. */
function isSoleWay(mesh: Mesh, workload: Workload, waypoint: Waypoint): boolean {
  const policies = allowing(mesh, workload);
  const identity = identityOf(mesh, waypoint);
  return (
    policies.length > 0 &&
    rulesAtZtunnel(policies).every(({ rule }) =>
      rule.parts.some(
        ({ kind, alternatives }) =>
          kind === 'from' && alternatives.every((clauses) => clauses.some((clause) => namesOnly(clause, identity))),
      ),
    )
  );
}

function namesOnly(clause: Clause, identity: string): boolean {
  return (
    clause.on === 'peer' &&
    clause.values.length > 0 &&
    clause.values.every(
      (value) => value.kind === 'principal' && value.pattern.kind === 'exact' && value.pattern.value === identity,
    )
  );
}

const allowing = (mesh: Mesh, workload: Workload): readonly AuthorizationPolicy[] =>
  policiesAtZtunnel(applicable(mesh.authorizationPolicies, mesh, workload)).filter(
    ({ action }) => action.kind === 'ALLOW',
  );

function* waysAround({ mesh }: Context): Generator<Sighting> {
  for (const { workload, waypoint } of behindWaypoints(mesh))
    if (!isSoleWay(mesh, workload, waypoint))
      yield atObject(
        workload.kind,
        workload,
        `\`${workload.namespace}/${workload.name}\` can be called around ${waypointText(waypoint)}: no L4 policy lets in the waypoint alone`,
      );
}

function* shutOutWaypoints({ mesh }: Context): Generator<Sighting> {
  for (const { workload, waypoint } of behindWaypoints(mesh)) {
    const policies = allowing(mesh, workload);
    const identity = identityOf(mesh, waypoint);
    const admits = rulesAtZtunnel(policies).some(({ rule }) =>
      rule.parts.every(({ alternatives }) =>
        alternatives.some((clauses) => clauses.every((clause) => clause.on !== 'peer' || admitsPeer(clause, identity))),
      ),
    );
    if (policies.length > 0 && !admits)
      yield atObject(
        workload.kind,
        workload,
        `no L4 policy of \`${workload.namespace}/${workload.name}\` lets in ${waypointText(waypoint)} (\`${identity}\`): calls through it fail`,
      );
  }
}

function admitsPeer({ values, notValues }: Extract<Clause, { on: 'peer' }>, identity: string): boolean {
  const isIn = (pattern: PeerPattern) => acceptsPeer(pattern, identity);
  return (values.length === 0 || values.some(isIn)) && !notValues.some(isIn);
}

function* behindWaypoints(mesh: Mesh): Generator<{ readonly workload: Workload; readonly waypoint: Waypoint }> {
  for (const workload of mesh.workloads) {
    if (!isAmbient(mesh, workload)) continue;
    for (const waypoint of new Set(entrancesBefore(mesh, workload).map((entrance) => entrance.waypoint)))
      yield { workload, waypoint };
  }
}

/** Workloads whose labels ask for a waypoint that nobody goes through. */
function* sidecarsOfWaypointed({ mesh }: Context): Generator<Sighting> {
  for (const workload of mesh.workloads) {
    if (isAmbient(mesh, workload)) continue;
    const use = parseWaypointUse(workload.labels);
    const whole = parseWaypointUse(tryFindNamespace(mesh, workload.namespace)?.labels ?? {});
    if (use.kind === 'named' || (use.kind === 'unstated' && whole.kind === 'named'))
      yield atObject(
        workload.kind,
        workload,
        `\`${workload.namespace}/${workload.name}\` is not ambient: its own proxy decides, whatever a waypoint says`,
      );
  }
}

/** Checks of waypoints. */
export const WAYPOINTS: readonly MeshCheck[] = [
  {
    code: 'ambient/waypoint-missing',
    severity: 'error',
    title: 'a waypoint is asked for that is not there',
    resolution:
      'The label `istio.io/use-waypoint` names a Gateway that the manifests do not hold. Calls then go straight to the pod, and policies attached with `targetRefs` do not run. Add the Gateway (class `istio-waypoint`), or correct the name or `istio.io/use-waypoint-namespace`.',
    find: missingWaypoints,
  },
  {
    code: 'ambient/way-around-waypoint',
    severity: 'error',
    title: 'a workload can be called around its waypoint',
    resolution:
      'Whoever addresses the pod instead of the Service goes around the waypoint, and none of the policies attached to it runs. Add an ALLOW policy with a selector for the workload that names the identity of the waypoint and nobody else.',
    find: waysAround,
  },
  {
    code: 'ambient/waypoint-shut-out',
    severity: 'error',
    title: 'a waypoint may not call what it stands before',
    resolution:
      "The workload's ztunnel sees the identity of the waypoint, never that of the original caller. An L4 ALLOW policy that names only the callers therefore stops every call through the waypoint. Name the waypoint's identity there, and the callers in the policy that is attached to it.",
    find: shutOutWaypoints,
  },
  {
    code: 'ambient/waypoint-before-sidecar',
    severity: 'warning',
    title: 'a waypoint is asked for before a workload that is not ambient',
    resolution:
      'A waypoint is reached through ztunnel; at a workload with a sidecar, or without any proxy of the mesh, policies with `targetRefs` count for nothing. Make the workload ambient, or write the policies with a selector.',
    find: sidecarsOfWaypointed,
  },
];
