/**
 * The prover as a validation plugin of cdk8s, for apps that anybody wrote: `cdk8s synth` calls it with the manifests
 * that it has rendered. In `cdk8s.yaml`:
 *
 *     validations:
 *       - package: ./node_modules/meshwright
 *         class: MeshwrightValidation
 *         version: 0.1.0
 *         properties: {intent: intent.json, failOn: error}
 *
 * cdk8s is no dependency: what its command line passes in is described here by the little that is used.
 * Source: cdk8s-cli 2, `lib/plugins/validation.d.ts`.
 */
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Intent, parseIntent } from '../../analysis/compare/intent.ts';
import { verifyIntent } from '../../analysis/compare/verify.ts';
import { verifyBaseline } from '../../analysis/compare/verify-baseline.ts';
import { PROFILES, type ProfileName } from '../../analysis/index.ts';
import { SEVERITIES, type Severity } from '../../analysis/lint/finding.ts';
import { lint } from '../../analysis/lint/lint.ts';
import { problem, type Result } from '../../language/problem.ts';
import { type ReadMesh, readMesh } from '../read-mesh.ts';
import { ofFinding, ofObligation, ofProblem, type Violation } from './violation.ts';

/** What the plugin is told in `cdk8s.yaml`, under `properties`. */
export interface MeshwrightOptions {
  /** File of the declared relation. @default - only what needs no intent is proved */
  readonly intent?: string;
  /** File of mesh settings. @default - those among the manifests, else Istio's defaults */
  readonly meshConfig?: string;
  /** The least severity of a lint finding that fails. @default - warning */
  readonly failOn?: Severity;
  /** @default - istio-1.31 */
  readonly semantics?: ProfileName;
}

/** As much of cdk8s-cli's `ValidationContext` as is used. */
export interface ValidationContext {
  readonly manifests: readonly string[];
  readonly report: {
    addViolation(violation: Violation): void;
    submit(status: 'success' | 'failure', metadata?: Readonly<Record<string, string>>): void;
  };
}

/** cdk8s-cli's `Validation`: proves and lints what an app has rendered. */
export class MeshwrightValidation {
  readonly #options: MeshwrightOptions;

  constructor(options: MeshwrightOptions = {}) {
    this.#options = options;
  }

  /** Reports every problem of the input, every refuted statement and every finding, each with the object at fault. */
  async validate({ manifests, report }: ValidationContext): Promise<void> {
    const io = { stdin: Readable.from([]), stdout: process.stdout, stderr: process.stderr };
    const read = await readMesh(manifests, this.#options, io);
    const intent = await readIntent(this.#options.intent);
    const problems = [...(read.ok ? [] : read.problems), ...(intent?.ok === false ? intent.problems : [])];
    for (const found of problems) report.addViolation(ofProblem(found));
    if (!read.ok || intent?.ok === false) {
      report.submit('failure', { input: 'invalid' });
      return;
    }
    const { violations, statements } = this.#judge(read.value, intent?.value);
    for (const violation of violations) report.addViolation(violation);
    report.submit(violations.length === 0 ? 'success' : 'failure', statements);
  }

  #judge(
    read: ReadMesh,
    intent: Intent | undefined,
  ): { readonly violations: readonly Violation[]; readonly statements: Readonly<Record<string, string>> } {
    const { failOn = 'warning', semantics = 'istio-1.31' } = this.#options;
    const profile = PROFILES[semantics];
    const { obligations } =
      intent === undefined ? verifyBaseline(read.mesh, { profile }) : verifyIntent(read.mesh, intent, { profile });
    const on = new Date().toISOString().slice(0, 10);
    const findings = lint({ ...read, profile, on }).findings.filter(
      ({ severity }) => SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(failOn),
    );
    return {
      violations: [...obligations.flatMap((obligation) => ofObligation(obligation, read)), ...findings.map(ofFinding)],
      statements: Object.fromEntries(obligations.map(({ name, status }) => [name, status])),
    };
  }
}

async function readIntent(file: string | undefined): Promise<Result<Intent> | undefined> {
  if (file === undefined) return undefined;
  try {
    return parseIntent(JSON.parse(await readFile(file, 'utf8')), file);
  } catch {
    const at = { file, path: '', line: 1 };
    return { ok: false, problems: [problem('intent/json', 'expected a readable file with one JSON object', at)] };
  }
}
