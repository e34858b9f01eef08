/** Whether two registrations give every pod the same. */
import type { Mesh, Workload } from '../../../language/mesh.ts';
import type { Registration } from '../../../language/registration.ts';
import { accountIdentity } from '../../identity.ts';
import { namespaceLabels } from '../../network.ts';
import { givenTo } from './pod-identity.ts';
import { type Owner, surroundingsOf, tryFindUndeclared } from './strangers.ts';

/**
 * True iff both say the same, or give the same to the pods of every workload and nothing to any other pod. Pods that a
 * workload's own selector selects, under its account, are its pods, whatever else they carry.
 */
export function isSameRegistration(mesh: Mesh, before: Registration, after: Registration): boolean {
  if (JSON.stringify(sayingOf(before)) === JSON.stringify(sayingOf(after))) return true;
  if (JSON.stringify(apartFromPods(before)) !== JSON.stringify(apartFromPods(after))) return false;
  const owners = mesh.workloads.map((each) => ownerOf(mesh.config.trustDomain, each));
  const around = surroundingsOf(mesh, owners);
  return (
    [before, after].every((each) => tryFindUndeclared(each, owners, around) === undefined) &&
    mesh.workloads.every((workload) => {
      const { namespace, name, serviceAccount: account, labels } = workload;
      const pod = { namespace, name, account, labels, namespaceLabels: namespaceLabels(mesh, namespace) };
      const [was, is] = [before, after].map((each) => JSON.stringify(givenTo(each, pod, around.terms)));
      return was === is;
    })
  );
}

function sayingOf({ at: _at, ...saying }: Registration): unknown {
  return saying;
}

/** Who serves it, and which process of a pod it means. */
function apartFromPods({ kind, className, isFallback, powers, processes }: Registration): unknown {
  return [kind, className, isFallback, powers, processes.filter((each) => each.kind === 'container')];
}

/** A workload as the owner of its account's identity. */
function ownerOf(trustDomain: string, workload: Workload): Owner {
  const { namespace, serviceAccount: account, ownPods } = workload;
  return { id: accountIdentity(trustDomain, workload), namespace, account, pods: [ownPods] };
}
