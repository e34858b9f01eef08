/** K2: SPIRE registrations that select more pods, name another identity, or are served by nobody. */
import type { Mesh, Workload } from '../../../language/mesh.ts';
import { selects } from '../../attachment.ts';
import { workloadIdentity } from '../../identity.ts';
import { namespaceLabels } from '../../network.ts';
import { dropping, type Materials, rewriting, type Sketch } from '../mutant.ts';
import type { Spot } from '../spot.ts';

/** Every change of every registration. */
export function* registrationMutants(materials: Materials): Iterable<Sketch> {
  const entries = [...materials.of('ClusterSPIFFEID'), ...materials.of('ClusterStaticEntry')];
  for (const registration of entries) {
    yield* widerSelectors(registration);
    yield* otherIdentities(registration, materials);
    const className = registration.get('spec', 'className');
    yield rewriting(className, `${className.text()}-other`, 'the class is another');
    yield dropping(registration, 'the registration was dropped');
  }
}

function* widerSelectors(registration: Spot): Iterable<Sketch> {
  for (const field of ['podSelector', 'namespaceSelector']) {
    const selector = registration.get('spec', field);
    if (!selector.isPresent()) continue;
    yield rewriting(selector, {}, `\`${field}\` selects everything`);
    const labels = selector.get('matchLabels').members();
    if (labels.length > 1)
      for (const [key, label] of labels) yield rewriting(label, undefined, `\`${field}\` asks no more for \`${key}\``);
  }
  for (const list of ['workloadSelectorTemplates', 'selectors'])
    for (const item of registration.get('spec', list).items())
      yield rewriting(item, undefined, `\`${item.text()}\` is not asked for any more`);
}

/** The identity of a neighbour, as a copied registration has it: written out, and by its account alone. */
function* otherIdentities(registration: Spot, { mesh }: Materials): Iterable<Sketch> {
  const template = registration.get('spec', 'spiffeIDTemplate');
  if (!template.isPresent()) return;
  const neighbour = mesh.workloads.find((workload) => !isSelected(registration, workload, mesh));
  if (neighbour === undefined) return;
  const { namespace, serviceAccount: account } = neighbour;
  const id = workloadIdentity(mesh, neighbour);
  if (template.text() !== id) yield rewriting(template, id, `the identity is that of \`${namespace}/${account}\``);
  const fixed = template.text().replace(/\{\{\s*\.PodSpec\.ServiceAccountName\s*\}\}/, account);
  if (fixed !== template.text()) yield rewriting(template, fixed, `the account of the identity is \`${account}\``);
}

function isSelected(registration: Spot, { namespace, labels }: Workload, mesh: Mesh): boolean {
  const name = registration.get('metadata', 'name').text();
  const known = mesh.registrations.find((each) => each.name === name);
  return (
    known !== undefined && selects(known.pods, labels) && selects(known.namespaces, namespaceLabels(mesh, namespace))
  );
}
