/** SPIRE's registrations without an intent: identities of workloads in other hands, and rights over the issuer. */
import type { Workload } from '../../../language/mesh.ts';
import type { Registration } from '../../../language/registration.ts';
import { type Owner, surroundingsOf, tryFindThief } from '../../compare/registration/strangers.ts';
import { workloadIdentity } from '../../identity.ts';
import { atDocument, atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

/** Every account that some workload runs under, as the owner of its identity. */
function ownersOf({ mesh }: Context): readonly Owner[] {
  const owner = (workload: Workload): readonly [string, Owner] => {
    const id = workloadIdentity(mesh, workload);
    const { namespace, serviceAccount: account } = workload;
    return [id, { id, namespace, account, pods: 'allOfAccount' }];
  };
  return [...new Map(mesh.workloads.map(owner)).values()];
}

function* wideRegistrations(context: Context): Generator<Sighting> {
  const { mesh } = context;
  if (mesh.registrations.length === 0) return;
  const owners = ownersOf(context);
  const around = surroundingsOf(mesh, owners);
  for (const registration of mesh.registrations) {
    const thief = owners
      .map((owner) => ({ owner, found: tryFindThief(registration, owner, around) }))
      .find(({ found }) => found?.kind === 'found');
    if (thief?.found?.kind !== 'found' || (registration.isFallback && mesh.registrations.length > 1)) continue;
    const { namespace, account } = thief.found.pod;
    yield atRegistration(
      registration,
      `pods of \`${namespace}/${account}\` can get the identity of \`${thief.owner.namespace}/${thief.owner.account}\``,
    );
  }
}

function atRegistration(registration: Registration, message: string): Sighting {
  return atObject(registration.kind, registration, message);
}

function* powers({ kinds }: Context): Generator<Sighting> {
  for (const document of [...(kinds.get('ClusterSPIFFEID') ?? []), ...(kinds.get('ClusterStaticEntry') ?? [])]) {
    const [admin, downstream] = [document.get('spec', 'admin'), document.get('spec', 'downstream')];
    if (admin.isTrue()) yield atDocument(document, '`admin`: its holders may register identities themselves', admin);
    if (downstream.isTrue())
      yield atDocument(document, '`downstream`: its holders get an authority that signs any identity', downstream);
  }
}

/** Checks of SPIRE's registrations. */
export const REGISTRATIONS: readonly MeshCheck[] = [
  {
    code: 'identity/registration-too-wide',
    severity: 'error',
    title: 'a registration gives an identity to other accounts',
    resolution:
      'Pods that run under another account, or in another namespace, can get the SPIFFE ID of a workload from this registration, and with it everything that policies grant to the workload. Make the ID of the pod itself (`spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}`), or ask for `k8s:ns:` and `k8s:sa:`. Decided over all pods that anybody could create; `meshwright verify` with an intent also holds the labels to the workload.',
    find: wideRegistrations,
  },
  {
    code: 'identity/registration-powers',
    severity: 'error',
    title: 'a registration gives power over the issuer',
    resolution:
      'With `admin` the holder may create registrations at the SPIRE server, with `downstream` it gets an authority of its own below the trust domain: either can become any workload of the mesh. Only another SPIRE server needs them; register it by a static entry of its own and suppress the finding there with the reason.',
    find: powers,
  },
];
