/** CUSTOM policies: what their providers mean for verdicts. Source: semantics.md 1, 3.12; istio `authz/builder`. */
import type { AuthorizationPolicy } from '../language/authorization.ts';
import type { MeshConfig } from '../language/mesh.ts';
import { VERDICT_CODES } from './verdict.ts';

/** What happens where a CUSTOM rule matches. */
export type CustomEffect =
  | {
      readonly kind: 'denies';
      readonly code: typeof VERDICT_CODES.customWithoutProvider | typeof VERDICT_CODES.customProvidersConflict;
    }
  /** The provider's answer is unknown. */
  | { readonly kind: 'asks'; readonly assumption: string }
  /** An HTTP provider on a TCP chain is skipped. */
  | { readonly kind: 'nothing' };

/** The effect of all CUSTOM rules of a workload on one chain: several providers, or one that is missing, deny. */
export function customEffect(
  policies: readonly AuthorizationPolicy[],
  config: MeshConfig,
  chain: 'http' | 'tcp',
): CustomEffect {
  const names = new Set(policies.flatMap(({ action }) => (action.kind === 'CUSTOM' ? [action.provider] : [])));
  const [name] = names;
  if (name === undefined) return { kind: 'nothing' };
  if (names.size > 1) return { kind: 'denies', code: VERDICT_CODES.customProvidersConflict };
  const provider = config.extensionProviders.find((known) => known.name === name);
  if (provider === undefined || provider.kind === 'other')
    return { kind: 'denies', code: VERDICT_CODES.customWithoutProvider };
  if (chain === 'tcp' && provider.kind === 'authorizationHttp') return { kind: 'nothing' };
  return { kind: 'asks', assumption: `CUSTOM provider \`${name}\` allows the request` };
}
