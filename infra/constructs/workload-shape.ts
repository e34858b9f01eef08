/**
 * Rules of shape for one workload, judged before anything is written. Properties of the whole mesh are proved on the
 * YAML, not here.
 */
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import type { Placement, Program } from './program.ts';

/** What is judged. */
interface WorkloadShape {
  readonly declaration: ServiceDeclaration;
  readonly program: Program;
  readonly placement: Placement;
}

type Rule = (shape: WorkloadShape) => readonly string[];

const contractPorts: Rule = ({ declaration, program }) => {
  const open = program.ports.map(({ number }) => number);
  const complain = ({ port }: { readonly port: number }): readonly string[] => {
    if (!Number.isInteger(port) || port < 1024 || port > 65_535)
      return [`port \`${port}\`: expected a whole number from 1024 to 65535, which needs no privilege`];
    if (port >= 15_000 && port <= 15_090) return [`port \`${port}\`: ports 15000 to 15090 belong to the proxy`];
    return open.includes(port) ? [] : [`port \`${port}\`: expected a named container port`];
  };
  return declaration.contracts.flatMap(complain);
};

const contracts: Rule = ({ declaration }) =>
  declaration.contracts.length === 0 ? ['expected at least one contract, got none'] : [];

const portNames: Rule = ({ program }) =>
  program.ports
    .filter(({ name }) => !/^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$/.test(name))
    .map(({ name }) => `port name \`${name}\`: expected at most 15 lower-case letters, digits and hyphens`);

const schema: Rule = ({ declaration }) => {
  const name = declaration.database?.schema;
  if (name === undefined || /^[a-z][a-z0-9_]{0,62}$/.test(name)) return [];
  return [`schema \`${name}\`: expected a SQL name of lower-case letters, digits and underscores`];
};

const user: Rule = ({ program }) =>
  program.uid < 10_000 && program.uidReason === undefined
    ? [`user id \`${program.uid}\`: expected 10000 or more, or a reason`]
    : [];

const placement: Rule = ({ declaration, placement: { kind } }) =>
  declaration.scaling === 'singleton' && (kind === 'fixed' || kind === 'scaled')
    ? [`a singleton runs one replica: expected a single placement, got \`${kind}\``]
    : [];

/** `auto` is the gateway's image, which the injector puts in. */
const image: Rule = ({ program }) => {
  const isExact = program.image === 'auto' || /:[^:/]+$|@sha256:[0-9a-f]{64}$/.test(program.image);
  return isExact && !program.image.endsWith(':latest')
    ? []
    : [`image \`${program.image}\`: expected an exact tag or digest`];
};

const rules: readonly Rule[] = [contracts, contractPorts, portNames, schema, user, placement, image];

/** Everything that is wrong with a workload's shape, each beginning with the file that can be mended. */
export function shapeComplaints(shape: WorkloadShape): string[] {
  const file = `services/${shape.declaration.name}/service.ts`;
  return rules.flatMap((rule) => rule(shape)).map((complaint) => `${file}: ${complaint}`);
}
