import { MarketDataService } from '#services/gen/descriptors.ts';
import type { Environment } from '../environment.ts';
import { kindSpire } from '../kind-spire.ts';
import { production } from '../production.ts';

/**
 * Two trust domains with a SPIRE each: `partner.example` may read one method of ours, under its own identities. Nothing
 * is aliased, so the partner's `ns/trading/sa/order` is not our `order`.
 */
export const federated: Environment = {
  ...production,
  name: 'federated',
  identity: kindSpire.identity,
  federation: [
    {
      trustDomain: 'partner.example',
      bundleEndpoint: 'https://spire.partner.example:8443',
      callerRanges: ['10.200.0.0/16'],
      admits: [
        {
          namespace: 'pricing',
          serviceAccount: 'quote-reader',
          callee: 'market-data',
          methods: [MarketDataService.methods.getQuote],
          reason: 'the partner prices its own book with our quotes',
          owner: 'team-market-data',
          expires: '2027-06-30',
        },
      ],
    },
  ],
};
