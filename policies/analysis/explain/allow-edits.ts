/** Edits that make an ALLOW rule match a call: a value more in a near-miss, or a rule of its own. */
import type { AuthorizationPolicy } from '../../language/authorization.ts';
import type { Workload } from '../../language/mesh.ts';
import type { Step } from '../../language/problem.ts';
import { creation, edit, removal } from './edit.ts';
import type { Edit } from './explanation.ts';
import { type FailingClause, valueAt } from './fields.ts';
import { type Candidate, candidatesOf, tryFindDocument } from './near-miss.ts';
import { ownLabels } from './own-labels.ts';
import { enforced, type Situation } from './situation.ts';

const SCHEME = 'spiffe://';
/** Near-misses that are worth an edit; beyond that a rule of its own is the better change. */
const CANDIDATES = 3;

/** Each inner list makes the ALLOW layer let the call pass; none where the caller has no identity to name. */
export function allowEdits(situation: Situation): readonly (readonly Edit[])[] {
  const own = ownRule(situation);
  const widened = candidatesOf(situation)
    .filter(({ dropped }) => dropped === '')
    .slice(0, CANDIDATES)
    .map(widen)
    .filter((edits) => edits !== undefined);
  return own === undefined ? widened : [own, ...widened];
}

/** Adds what the call has to every failing field; undefined where some field cannot be met by a value. */
function widen({ document, failing }: Candidate): readonly Edit[] | undefined {
  const edits: Edit[] = [];
  for (const each of failing) {
    const value = each.miss.got === null ? undefined : textFor(each, each.miss.got);
    if (value === undefined) return undefined;
    if (!each.excluded) edits.push(edit(document, 'append', each.values, value));
    else {
      const steps = excludingEntry(each, value, valueAt(document, each.notValues));
      if (steps === undefined) return undefined;
      edits.push(removal(document, steps));
    }
  }
  return edits;
}

/** The not-value that excludes the call: the whole field when it stands alone, else the entry of that very text. */
function excludingEntry({ notValues }: FailingClause, text: string, written: unknown): readonly Step[] | undefined {
  if (!Array.isArray(written)) return undefined;
  if (written.length === 1) return notValues;
  const index = written.map(String).indexOf(text);
  return index < 0 ? undefined : [...notValues, index];
}

/** The call's value in the spelling of the field, undefined when the field cannot name it. */
function textFor({ clause }: FailingClause, got: string): string | undefined {
  if (clause.on !== 'peer') return got;
  const [trustDomain = '', ns, namespace = '', sa, account = ''] = got.slice(SCHEME.length).split('/');
  if (ns !== 'ns' || sa !== 'sa' || got.includes(', ')) return undefined;
  return {
    principal: got.slice(SCHEME.length),
    namespace,
    serviceAccount: `${namespace}/${account}`,
    trustDomain,
  }[clause.field];
}

/** A rule for this caller and this operation alone. */
function ownRule(situation: Situation): readonly Edit[] | undefined {
  const rule = exactRule(situation);
  if (rule === undefined) return undefined;
  const { call, documents } = situation;
  const policy = narrowest(enforced(call, 'ALLOW'), call.target);
  const place = policy ?? enforced(call, 'ALLOW')[0];
  if (place === undefined) return undefined;
  const document = tryFindDocument(documents, { ...place, kind: 'AuthorizationPolicy' });
  if (place.attachment.kind === 'targetRefs' && policy === undefined) return undefined;
  if (policy !== undefined && document !== undefined) return [edit(document, 'append', ['spec', 'rules'], rule)];
  return [newPolicy(situation, place.at.file, rule)];
}

function exactRule({ call, proxy }: Situation): object | undefined {
  const identities = proxy?.facts.identities ?? [];
  const identity = identities.find((each) => each.startsWith(SCHEME));
  if (proxy === null || identity === undefined) return undefined;
  const { http } = proxy.facts;
  const operation = { ports: [String(call.request.destination.port)] };
  const narrowed = http === null ? operation : { ...operation, methods: [http.method], paths: [http.path] };
  return {
    from: [{ source: { principals: [identity.slice(SCHEME.length)] } }],
    to: [{ operation: narrowed }],
  };
}

/** A policy of the workload's own namespace that selects by label, or one that is attached to its waypoint. */
function narrowest(policies: readonly AuthorizationPolicy[], target: Workload): AuthorizationPolicy | undefined {
  return policies
    .filter(
      ({ attachment, namespace }) =>
        attachment.kind === 'targetRefs' || (attachment.kind === 'selector' && namespace === target.namespace),
    )
    .toSorted((left, right) => labelCount(right) - labelCount(left))[0];
}

function labelCount({ attachment }: AuthorizationPolicy): number {
  return attachment.kind === 'selector' ? Object.keys(attachment.labels).length : 0;
}

/** A policy of its own for a workload that only wider policies reach. */
function newPolicy({ call }: Situation, file: string, rule: object): Edit {
  const { target } = call;
  const object = { kind: 'AuthorizationPolicy', namespace: target.namespace, name: `${target.name}-callers` };
  return creation(file, object, {
    apiVersion: 'security.istio.io/v1',
    kind: object.kind,
    metadata: { name: object.name, namespace: object.namespace },
    spec: {
      action: 'ALLOW',
      selector: { matchLabels: ownLabels(call.world.mesh, target) },
      rules: [rule],
    },
  });
}
