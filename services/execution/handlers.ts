import type { ExecutionServiceService } from '../gen/trading/execution/v1/execution.ts';
import { type CallContext, type Handlers, RpcError, requireUser, status } from '../runtime/index.ts';
import { cancelResponse, reportMessage, submitResponse } from './answer.ts';
import type { Engine } from './engine.ts';
import { type Reading, type RequestedAction, readCancel, readHalt, readListing, readTerms } from './request.ts';

const operatorScope = 'operations.market';

/** The gRPC face of the market. */
export function executionHandlers(engine: Engine): Handlers<typeof ExecutionServiceService> {
  return {
    submitTrade: async ({ terms }, call) => {
      const answer = await engine.submit(readOrRefuse(readTerms(terms)), call);
      if (answer.kind === 'order') return submitResponse(answer.order);
      throw new RpcError(status.ALREADY_EXISTS, `order \`${terms?.clientOrderId}\` is known with other terms`);
    },
    cancelTrade: async (request, { signal }) =>
      cancelResponse(await engine.cancel(readOrRefuse(readCancel(request)), signal)),
    async *streamExecutionReports({ fromSequence }, call) {
      if (fromSequence < 1n) throw new RpcError(status.INVALID_ARGUMENT, 'from_sequence: expected at least 1, got 0');
      for await (const report of engine.reports(fromSequence, call)) yield { report: reportMessage(report) };
    },
    defineInstrument: async (request, call) => {
      const answer = await act(engine, call, () => readListing(request));
      if (answer === 'done') return {};
      throw new RpcError(status.ALREADY_EXISTS, 'the request or the symbol is known with other terms');
    },
    setTradingHalt: async (request, call) => {
      const answer = await act(engine, call, () => readHalt(request));
      if (answer === 'done') return {};
      if (answer === 'unknownSymbol') throw new RpcError(status.NOT_FOUND, `no instrument \`${request.symbol}\``);
      throw new RpcError(status.INVALID_ARGUMENT, 'request_id: expected a new one, got one of another action');
    },
  };
}

function act(engine: Engine, call: CallContext, read: () => Reading<RequestedAction>) {
  const { subject, scopes } = requireUser(call);
  if (!scopes.includes(operatorScope)) {
    throw new RpcError(status.PERMISSION_DENIED, `this method needs the scope \`${operatorScope}\``);
  }
  return engine.act({ ...readOrRefuse(read()), subject }, call.signal);
}

function readOrRefuse<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  throw new RpcError(status.INVALID_ARGUMENT, reading.problems.join('; '));
}
