import { ExecutionService } from '../../services/gen/descriptors.ts';
import { admissionsOf, admit } from './admission.ts';

const operator = { from: ['gateway'], userScope: ['operations.market'] };

/** Whom `execution` lets in. */
export const executionAdmissions = admissionsOf('execution', [
  // The seed case of this product: order may call POST /trades on execution, and nobody else may.
  admit(ExecutionService.methods.submitTrade, { from: ['order'] }),
  admit(ExecutionService.methods.cancelTrade, { from: ['order'] }),
  admit(ExecutionService.methods.streamExecutionReports, { from: ['order'] }),
  admit(ExecutionService.methods.defineInstrument, operator),
  admit(ExecutionService.methods.setTradingHalt, operator),
]);
