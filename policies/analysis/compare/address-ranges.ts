/** Which addresses are those of hosts outside a cluster. */
import type { Cidr } from '../../language/authorization.ts';
import { tryParseCidr } from '../../language/parse-pattern.ts';
import { holds } from '../matching.ts';
import type { Address } from '../request.ts';

/** The ranges that are never those of public hosts. Source: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291. */
export const PRIVATE_BLOCKS: readonly Cidr[] = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
].flatMap((text) => tryParseCidr(text) ?? []);

/** True iff the address is in no private range. */
export function isPublic(address: Address): boolean {
  return !PRIVATE_BLOCKS.some((block) => holds(block, address));
}
