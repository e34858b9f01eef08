/** One end of the RPC benchmark as a process: `rpc-peer.ts server|client bare|runtime SOCKET`. Talks to its parent over IPC. */
import {
  Client,
  credentials,
  type Metadata,
  Server,
  ServerCredentials,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { MarketDataService } from '#services/gen/descriptors.ts';
import {
  type GetQuoteRequest,
  type GetQuoteResponse,
  MarketDataServiceService,
} from '#services/gen/trading/marketdata/v1/market_data.ts';
import { marketData } from '#services/market-data/service.ts';
import { call, type ServiceDeclaration } from '#services/runtime/declaration.ts';
import { startService } from '#services/runtime/index.ts';

/** What a client is asked for: this many calls, 64 of them in flight. A server answers with its figures at once. */
export interface Load {
  readonly calls: number;
}

/** What a peer answers: the processor time that it has used since it started. */
export interface Used {
  readonly cpuMs: number;
}

type Send = () => Promise<unknown>;

const inFlight = 64;
const request: GetQuoteRequest = { symbol: 'ACME' };
const response: GetQuoteResponse = {
  quote: {
    symbol: 'ACME',
    instrumentSequence: 123_456n,
    bidPriceTicks: 1_000_000n,
    bidQuantity: 500n,
    askPriceTicks: 1_000_100n,
    askQuantity: 700n,
    lastPriceTicks: 1_000_050n,
    lastQuantity: 10n,
    publishedAtUnixUs: 1_764_000_000_000_000n,
  },
};

const { getQuote } = MarketDataServiceService;

async function serveBare(socket: string): Promise<void> {
  const server = new Server();
  const answer = (_call: { readonly metadata: Metadata }, callback: (error: null, value: GetQuoteResponse) => void) =>
    callback(null, response);
  server.addService({ getQuote }, { getQuote: answer } as UntypedServiceImplementation);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(socket, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

async function serveRuntime(socket: string): Promise<void> {
  await startService(marketData, { ...process.env, LISTEN: socket }, async () => [
    [
      MarketDataServiceService,
      {
        publish: async () => ({}),
        getQuote: async () => response,
        streamQuotes: async function* () {},
      },
    ],
  ]);
}

function bareClient(socket: string): Send {
  const client = new Client(socket, credentials.createInsecure());
  return () =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        getQuote.path,
        getQuote.requestSerialize,
        getQuote.responseDeserialize,
        request,
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      );
    });
}

async function runtimeClient(socket: string): Promise<Send> {
  const terms = { timeoutMs: 5000, owner: 'bench', reason: 'to be measured' };
  const calls = [call(MarketDataService.methods.getQuote, terms)];
  const { database: _none, ...rest } = marketData;
  const caller: ServiceDeclaration = { ...rest, name: 'caller', contracts: [], calls };
  const env = { ...process.env, LISTEN: `${socket}.caller`, UPSTREAM_MARKET_DATA: socket };
  const sender = Promise.withResolvers<Send>();
  await startService(caller, env, async (context) => {
    const client = context.client(MarketDataServiceService, 'market-data');
    sender.resolve(() => client.getQuote(request));
    return [];
  });
  return await sender.promise;
}

async function load(send: Send, calls: number): Promise<void> {
  let left = calls;
  const lane = async () => {
    for (; left > 0; ) {
      left -= 1;
      await send();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

function used(): Used {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000 };
}

async function main([role, variant, socket = '']: readonly string[]): Promise<void> {
  if (role === 'server') await (variant === 'bare' ? serveBare(socket) : serveRuntime(socket));
  const send = role === 'client' ? (variant === 'bare' ? bareClient(socket) : await runtimeClient(socket)) : undefined;
  process.on('message', async ({ calls }: Load) => {
    if (send !== undefined) await load(send, calls);
    process.send?.(used());
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

await main(process.argv.slice(2));
