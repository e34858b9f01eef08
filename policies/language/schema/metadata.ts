import { anything, closed, list, number, open, record, type Shape, text } from './shape.ts';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** A DNS label such as the name of a namespace. */
const dnsLabel = text({ maxLength: 63, pattern: new RegExp(`^${LABEL}$`) });

/** A DNS subdomain such as the name of an object. */
const dnsSubdomain = text({ maxLength: 253, pattern: new RegExp(`^${LABEL}(\\.${LABEL})*$`) });

const labelValue = text({ maxLength: 63, pattern: /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/ });

const members = {
  name: dnsSubdomain,
  generateName: text(),
  namespace: dnsLabel,
  labels: record(labelValue),
  annotations: record(text()),
  creationTimestamp: text(),
  deletionGracePeriodSeconds: number(),
  deletionTimestamp: text(),
  finalizers: list(text()),
  generation: number(),
  managedFields: anything,
  ownerReferences: anything,
  resourceVersion: text(),
  selfLink: text(),
  uid: text(),
};

/** ObjectMeta of an object of its own. Source: k8s.io/apimachinery `ObjectMeta`, `ValidateObjectMeta`. */
const objectMeta: Shape = closed(members, ['name']);

/** ObjectMeta inside a pod template, where no name is needed. */
export const templateMeta: Shape = closed(members);

/** A whole object of a custom kind: nothing but `spec` and `status` beside what every object has. */
export const customObject = (spec: Shape, required: readonly string[] = []): Shape =>
  closed({ apiVersion: text(), kind: text(), metadata: objectMeta, spec, status: anything }, ['metadata', ...required]);

/** A whole object of a built-in kind, of which `members` are read. */
export const builtInObject = (members: Readonly<Record<string, Shape>>): Shape =>
  open({ apiVersion: text(), kind: text(), metadata: objectMeta, ...members }, ['metadata']);
