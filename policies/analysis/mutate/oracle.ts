/** The judges that mutants are shown to: `verify` and `lint`, each knowing what it says of the original. */
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import { UNDECLARED } from '../compare/destinations.ts';
import type { Intent } from '../compare/intent.ts';
import type { Obligation, ObligationName } from '../compare/obligation.ts';
import { type Verification, verifyIntent } from '../compare/verify.ts';
import { verifyBaseline } from '../compare/verify-baseline.ts';
import type { Finding } from '../lint/finding.ts';
import { lint } from '../lint/lint.ts';
import type { Profile } from '../profile.ts';
import { nameOf } from './affected.ts';
import type { Parsed, Survey } from './survey.ts';
import type { Replacement } from './variant.ts';

/** What the judges know. */
export interface OracleOptions {
  /** null: `verify` proves what needs no intent. */
  readonly intent: Intent | null;
  readonly profile: Profile;
  /** YYYY-MM-DD, for suppressions. */
  readonly on: string;
}

/** Asks `verify`. */
export class VerifyOracle {
  readonly #options: OracleOptions;
  readonly #before: ReadonlySet<string>;
  readonly #survey: Survey;

  constructor(survey: Survey, options: OracleOptions) {
    this.#survey = survey;
    this.#options = options;
    this.#before = new Set(this.#verify(survey.index.mesh, undefined).obligations.flatMap(complaintsOf));
  }

  /** What the original refutes, in words. */
  get refutedBefore(): readonly string[] {
    return [...this.#before];
  }

  /** The first obligation that a mutant refutes and the original does not. */
  killer(variant: Parsed): ObligationName | null {
    const { obligations } = this.#verify(variant.mesh, this.#scopeOf(variant));
    const killing = obligations.find((obligation) => complaintsOf(obligation).some((text) => !this.#before.has(text)));
    return killing?.name ?? null;
  }

  #verify(mesh: Mesh, only: ReadonlySet<string> | undefined): Verification {
    const { intent, profile } = this.#options;
    if (intent === null) return verifyBaseline(mesh, { profile });
    const scope =
      only === undefined ? {} : { only: (namespace: string, name: string) => only.has(`${namespace}/${name}`) };
    return verifyIntent(mesh, intent, { profile, ...scope });
  }

  /** The workloads that a mutant can matter to, and the callees of those whose calls it can matter to. */
  #scopeOf(variant: Parsed): ReadonlySet<string> | undefined {
    if (variant.replacements === 'everything') return undefined;
    const { proxies, inward, outward } = this.#survey.affected(variant);
    const version = this.#survey.version(variant);
    const callers = [...outward].flatMap((name) => [this.#survey.original.workload(name), version.workload(name)]);
    const accounts = new Set(callers.flatMap((found) => (found === undefined ? [] : [accountOf(found)])));
    const callees = (this.#options.intent?.grants ?? []).flatMap(({ caller, callee }) =>
      caller.kind === 'identity' && callee.kind === 'workload' && accounts.has(accountOf(caller))
        ? [nameOf({ namespace: callee.namespace, name: callee.workload })]
        : [],
    );
    return new Set([...proxies, ...inward, ...outward, ...callees, ...this.#besideManifests(variant.replacements)]);
  }

  /** The names under which `verify` looks at policies for pods that the manifests do not hold, istiod for one. */
  #besideManifests(replacements: readonly Replacement[]): readonly string[] {
    const namespaces = new Set(
      replacements
        .filter(({ list }) => list === 'networkPolicies' || list === 'serviceEntries')
        .flatMap(({ before, after }) => [before?.namespace ?? '', after?.namespace ?? '']),
    );
    const callees = (this.#options.intent?.grants ?? []).flatMap(({ callee }) =>
      callee.kind === 'workload' && namespaces.has(callee.namespace) ? [`${callee.namespace}/${callee.workload}`] : [],
    );
    return [...callees, ...[...namespaces].map((namespace) => `${namespace}/${UNDECLARED}`)];
  }
}

const accountOf = ({ namespace, serviceAccount }: { readonly namespace: string; readonly serviceAccount: string }) =>
  `${namespace}/${serviceAccount}`;

/** What an obligation complains of; nothing where it is not refuted. */
function complaintsOf({ name, status, counterexamples, notes }: Obligation): readonly string[] {
  if (status !== 'refuted') return [];
  const cells = counterexamples.map(({ cell, expected }) => `${name}: ${cell}: expected ${expected}`);
  return cells.length > 0 ? cells : notes.map((note) => `${name}: ${note}`);
}

/** Asks `lint`. */
export class LintOracle {
  readonly #options: OracleOptions;
  readonly #before: ReadonlySet<string>;

  constructor(
    original: { readonly mesh: Mesh; readonly documents: readonly SourceDocument[] },
    options: OracleOptions,
  ) {
    this.#options = options;
    this.#before = new Set(this.#findings(original).map(textOf));
  }

  /** The code of the first finding, error or warning, that the original has not. */
  killer({ mesh, documents }: Parsed): string | null {
    const fresh = this.#findings({ mesh, documents }).find((finding) => !this.#before.has(textOf(finding)));
    return fresh?.code ?? null;
  }

  #findings(input: { readonly mesh: Mesh; readonly documents: readonly SourceDocument[] }): readonly Finding[] {
    const { profile, on } = this.#options;
    return lint({ ...input, profile, on }).findings.filter(({ severity }) => severity !== 'note');
  }
}

function textOf({ code, message, subject }: Finding): string {
  return `${code} ${subject.kind} ${subject.namespace}/${subject.name} ${message}`;
}
