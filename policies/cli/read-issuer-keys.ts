/** Reads which keys issuers sign with. */
import { type IssuerKeys, keysOf } from '../analysis/token.ts';
import { problem, type Result } from '../language/problem.ts';
import { DEFAULT_LIMITS, readFileWithin } from './limits.ts';

/**
 * Reads a JSON object from issuer to JWKS; without a file nothing is known.
 * Errors: those of `readFileWithin`, `issuer-keys/syntax`.
 */
export async function readIssuerKeys(file: string | undefined): Promise<Result<IssuerKeys>> {
  if (file === undefined) return { ok: true, value: new Map() };
  const at = { file, path: '', line: 1 };
  const text = await readFileWithin(file, DEFAULT_LIMITS.inputBytes);
  if (!text.ok) return text;
  try {
    const entries = Object.entries(JSON.parse(text.value) ?? {});
    return { ok: true, value: new Map(entries.map(([issuer, jwks]) => [issuer, keysOf(jwks)])) };
  } catch {
    return { ok: false, problems: [problem('issuer-keys/syntax', 'expected a JSON object from issuer to JWKS', at)] };
  }
}
