import { MarketDataService } from '../../services/gen/descriptors.ts';
import { admissionsOf, admit } from './admission.ts';

const reader = { from: ['gateway'], userScope: ['quotes.read'] };

/** Whom `market-data` lets in. */
export const marketDataAdmissions = admissionsOf('market-data', [
  admit(MarketDataService.methods.publish, { from: ['execution'] }),
  admit(MarketDataService.methods.getQuote, reader),
  admit(MarketDataService.methods.streamQuotes, reader),
]);
