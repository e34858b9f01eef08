/** Reads which keys issuers sign with. */
import { readFile } from 'node:fs/promises';
import { type IssuerKeys, keysOf } from '../analysis/index.ts';
import { problem, type Result } from '../language/problem.ts';

/**
 * Reads a JSON object from issuer to JWKS; without a file nothing is known.
 * Errors: `input/not-found`, `issuer-keys/syntax`.
 */
export async function readIssuerKeys(file: string | undefined): Promise<Result<IssuerKeys>> {
  if (file === undefined) return { ok: true, value: new Map() };
  const at = { file, path: '', line: 1 };
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return { ok: false, problems: [problem('input/not-found', 'no such file', at)] };
  try {
    const entries = Object.entries(JSON.parse(text) ?? {});
    return { ok: true, value: new Map(entries.map(([issuer, jwks]) => [issuer, keysOf(jwks)])) };
  } catch {
    return { ok: false, problems: [problem('issuer-keys/syntax', 'expected a JSON object from issuer to JWKS', at)] };
  }
}
