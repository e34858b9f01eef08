import { all, type Formula, holds } from './formula.ts';

/** When the request is a CORS preflight, which the token filter passes by. */
export function isPreflight(): Formula {
  const filled = (name: string) => holds({ on: 'header', name, pattern: { kind: 'nonEmpty' } });
  return all([
    holds({ on: 'method', pattern: { kind: 'exact', value: 'OPTIONS' } }),
    filled('origin'),
    filled('access-control-request-method'),
  ]);
}
