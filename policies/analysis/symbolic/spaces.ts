/** From which words each attribute is drawn, and which words are shown first. */
import type { MeshConfig } from '../../language/mesh.ts';
import type { WordSpace } from './affix-variable.ts';
import { EnumVariable } from './variable.ts';
import { ANY_WORD, FILLED_WORD, LOWER_CASE_WORD, pathDomain } from './word-domain.ts';

/** The bytes on the connection: HTTP or not. */
export const bytesVariable = (): EnumVariable => new EnumVariable('bytes', ['raw', 'http']);
/** Whether the request carries a token. */
export const tokenVariable = (): EnumVariable => new EnumVariable('token', ['none', 'present']);
/** What is wrong with the token. */
export const faultVariable = (): EnumVariable =>
  new EnumVariable('fault', ['none', 'expired', 'audience', 'signature']);

const STRANGER = 'ns/stranger/sa/stranger';

/** The words of one attribute. */
export function spaceOf(
  name: string,
  config: MeshConfig,
  aliases: { readonly query: 'none' | 'possible'; readonly host: 'lowerCase' | 'asSent' },
): WordSpace {
  const space = (domain: WordSpace['domain'], candidates: readonly string[], absence: WordSpace['absence']) => ({
    domain,
    candidates,
    absence,
  });
  switch (name) {
    case 'peer':
      return space(
        ANY_WORD,
        [
          'spiffe://stranger.example/ns/stranger/sa/stranger',
          `spiffe://${config.trustDomain}/${STRANGER}`,
          STRANGER,
          'stranger',
        ],
        'possible',
      );
    case 'method':
      return space(FILLED_WORD, ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD'], 'impossible');
    case 'path':
      return space(pathDomain(config.pathNormalization, aliases.query), ['/', 'other', '/other'], 'possible');
    case 'host':
      return space(aliases.host === 'asSent' ? ANY_WORD : LOWER_CASE_WORD, ['', 'other'], 'impossible');
    case 'sni':
      return space(ANY_WORD, ['', 'other'], 'impossible');
    case 'issuer':
      return space(ANY_WORD, ['https://issuer.example', 'other'], 'possible');
    default:
      return space(ANY_WORD, ['other', 'user'], /^(header|metadata text) /.test(name) ? 'possible' : 'impossible');
  }
}
