import { PortfolioService } from '../../services/gen/descriptors.ts';
import { admissionsOf, admit } from './admission.ts';

const operator = { from: ['gateway'], userScope: ['operations.ledger'] };

/** Whom `portfolio` lets in. */
export const portfolioAdmissions = admissionsOf('portfolio', [
  // Settlement may come long after the user has gone: a method of its own, for order alone, without a user.
  admit(PortfolioService.methods.settleTrade, { from: ['order'] }),
  admit(PortfolioService.methods.getLimitsBasis, { from: ['risk'] }),
  admit(PortfolioService.methods.getPositions, { from: ['gateway'], userScope: ['positions.read'] }),
  admit(PortfolioService.methods.deposit, operator),
  admit(PortfolioService.methods.getTrialBalance, operator),
]);
