import { RiskService } from '../../services/gen/descriptors.ts';
import { admissionsOf, admit } from './admission.ts';

const operator = { from: ['gateway'], userScope: ['operations.risk'] };

/** Whom `risk` lets in. */
export const riskAdmissions = admissionsOf('risk', [
  admit(RiskService.methods.reserve, { from: ['order'] }),
  admit(RiskService.methods.adjustReservation, { from: ['order'] }),
  admit(RiskService.methods.setKillSwitch, operator),
  admit(RiskService.methods.setInstrumentLimits, operator),
]);
