/** What every fault works on: the cluster, a market of this run alone, its orders, and the checks after each fault. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Instrument, PlannedOrder, Trader } from '#infra/local/demo-plan.ts';
import { type MintToken, orderIn, type TradingDesk } from '#infra/local/trading-desk.ts';
import type { Cluster } from './cluster.ts';
import { type Stage, until } from './stage.ts';
import { Traffic } from './traffic.ts';

/** Traders and instrument of one run; their names are its own, so that its books can be checked alone. */
export interface RunMarket {
  readonly run: string;
  readonly traders: readonly Trader[];
  readonly instruments: readonly [Instrument];
}

/** The market of a run. Shape of `run`: `f1a2b3`. */
export function runMarket(run: string): RunMarket {
  const traders = ['alice', 'bob', 'carol', 'dave'].map((subject) => ({
    subject: `${subject}-${run}`,
    account: `${run}-${subject}`,
  }));
  return { run, traders, instruments: [{ symbol: `F-${run}`, referencePriceTicks: 1_000, tickValueMinor: 1 }] };
}

/** How many acknowledged orders are sent once more after a fault. */
const repeated = 40;
const trafficEveryMs = 250;
const stopWithinMs = 60_000;
const settleWithinMs = 30_000;

/** Where clients outside the mesh reach the platform, and what they trust. */
export interface Edge {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly ca: string;
}

/** The stand of one run. */
export class Stand {
  readonly cluster: Cluster;
  readonly desk: TradingDesk;
  readonly market: RunMarket;
  readonly edge: Edge;
  readonly mint: MintToken;
  /** The private key of those tokens, as a file. */
  readonly keyFile: string;
  readonly openDesk: (market: RunMarket) => TradingDesk;
  readonly say: (line: string) => void;
  /** Every order of the run that the platform acknowledged. */
  readonly orders: PlannedOrder[] = [];
  /** Orders that may or may not have been placed: no answer came. */
  readonly #unanswered: PlannedOrder[] = [];
  #count = 0;

  constructor(options: Pick<Stand, 'cluster' | 'desk' | 'market' | 'edge' | 'mint' | 'keyFile' | 'openDesk' | 'say'>) {
    this.cluster = options.cluster;
    this.desk = options.desk;
    this.market = options.market;
    this.edge = options.edge;
    this.mint = options.mint;
    this.keyFile = options.keyFile;
    this.openDesk = options.openDesk;
    this.say = options.say;
  }

  /** A stand on the same platform with a fresh market, set up. */
  async another(): Promise<Stand> {
    this.#count += 1;
    const market = runMarket(`${this.market.run}x${this.#count}`);
    const stand = new Stand({ ...this, market, desk: this.openDesk(market) });
    let refusal = 'nothing was answered';
    // Pods that have just become ready are not yet known to every proxy.
    const setUp = async () => {
      await stand.desk.setUp().catch((error: Error) => {
        refusal = error.message;
        throw error;
      });
      return true;
    };
    if (!(await until(setUp, settleWithinMs))) throw new Error(`the market cannot be set up: ${refusal}`);
    return stand;
  }

  /** Starts orders and waits until ten of them have reached the market. Errors: throws when they do not. */
  async startTraffic(everyMs = trafficEveryMs): Promise<Traffic> {
    this.#count += 1;
    const [instrument] = this.market.instruments;
    const name = `${this.market.run}-t${this.#count}`;
    const traffic = new Traffic({ desk: this.desk, traders: this.market.traders, instrument, name, everyMs });
    if (await until(() => traffic.passedSince(0) >= 10, 30_000)) return traffic;
    const last = traffic.attempts.slice(-3).map(({ status, state }) => `${status} ${state}`);
    throw new Error(`no orders pass before the fault: ${last.join(', ')}`);
  }

  /** Lets the traffic go on for a while; the time is part of what the fault does. */
  async pass(traffic: Traffic, forMs: number): Promise<void> {
    const before = traffic.attempts.length;
    await until(() => false, forMs);
    this.say(`  ${traffic.attempts.length - before} orders tried in ${(forMs / 1000).toFixed(0)} s`);
  }

  /** True iff a buyer and a seller trade with each other right now. */
  async trades(): Promise<boolean> {
    this.#count += 1;
    const [buyer, seller] = this.market.traders;
    const [instrument] = this.market.instruments;
    if (buyer === undefined || seller === undefined) return false;
    const order = (trader: Trader, side: PlannedOrder['side']): PlannedOrder => ({
      trader,
      clientOrderId: `${this.market.run}-c${this.#count}-${side}`,
      instrument,
      side,
      orderType: 'ORDER_TYPE_LIMIT',
      timeInForce: 'TIME_IN_FORCE_DAY',
      // Of no order of the traffic, and another one each time: see there.
      quantity: 50 + (this.#count % 40),
      priceTicks: instrument.referencePriceTicks,
      twist: 'none',
    });
    for (const planned of [order(buyer, 'SIDE_BUY'), order(seller, 'SIDE_SELL')]) {
      const answer = await this.desk.place(planned).catch(() => undefined);
      if (answer?.status !== 200) {
        this.#unanswered.push(planned);
        return false;
      }
      this.orders.push(planned);
      if (orderIn(answer, planned.clientOrderId).status === 'ORDER_STATUS_REJECTED') return false;
    }
    return true;
  }

  /** Ends the traffic and holds the platform to what no fault may break. */
  async settle(stage: Stage, traffic: Traffic): Promise<void> {
    const stopped = traffic.stop();
    const ended = await Promise.race([stopped.then(() => true), until(() => false, stopWithinMs)]);
    stage.expect('every order got its answer', ended, `${traffic.acknowledged.length} acknowledged`);
    this.orders.push(...traffic.acknowledged);
    await this.#askAgain();
    stage.expect(
      'no order was refused for good',
      traffic.refused.length === 0,
      listed(traffic.refused.map(({ status }) => `HTTP ${status}`)),
    );
    const imbalances = await this.#imbalances();
    stage.expect(
      'cash and positions balance, every acknowledged order is there',
      imbalances.length === 0,
      listed(imbalances),
    );
    const differing = await this.#repeat(traffic.acknowledged.slice(-repeated));
    stage.expect(
      'an acknowledged order exists once: sent again, it changes nothing',
      differing.length === 0,
      listed(differing),
    );
    stage.expect('conformance still equals intent', ...(await conformance(this)));
  }

  /** Sends what got no answer until it has one, as a client would: under the same id it is placed once at most. */
  async #askAgain(): Promise<void> {
    for (const order of this.#unanswered.splice(0)) {
      const answered = await until(async () => (await this.desk.place(order)).status === 200, settleWithinMs);
      if (answered) this.orders.push(order);
    }
  }

  /** What is out of balance once settlement had its time; a reading that gets no answer is made again until then. */
  async #imbalances(): Promise<readonly string[]> {
    let found: readonly string[] = ['the books were not read'];
    const read = async () => {
      found = await this.desk.settle(this.orders, settleWithinMs).catch((error: Error) => [error.message]);
      return found.length === 0;
    };
    await until(read, settleWithinMs);
    return found;
  }

  async #repeat(orders: readonly PlannedOrder[]): Promise<readonly string[]> {
    const differing: string[] = [];
    for (const order of orders) {
      const before = await this.desk.read(order);
      const answer = await this.desk.place(order);
      const after = await this.desk.read(order);
      if (answer.status !== 200) differing.push(`${order.clientOrderId}: sent again: HTTP ${answer.status}`);
      if (before.status === 'ORDER_STATUS_FILLED' && JSON.stringify(before) !== JSON.stringify(after))
        differing.push(`${order.clientOrderId}: ${JSON.stringify(before)} became ${JSON.stringify(after)}`);
    }
    return [...differing, ...(await this.#imbalances())];
  }
}

const listed = (items: readonly string[]): string =>
  items.length === 0 ? 'none differs' : items.slice(0, 5).join('; ');

const bin = fileURLToPath(new URL('../../../policies/cli/bin.js', import.meta.url));
const intent = fileURLToPath(new URL('../../../dist/kind/intent.json', import.meta.url));

/** Probes every cell from inside the workloads; the count, and whatever does not hold with its reason, is the detail. */
async function conformance({ cluster, keyFile }: Stand): Promise<[boolean, string]> {
  // Our images hold the probe program, so one of them can be asked from in the pods of images that do not.
  const [pod] = await cluster.pods('trading', 'order');
  const image = pod?.spec?.containers.find(({ name }) => name === 'order')?.image ?? '';
  const foreign = ['--ephemeral', '--probe-image', image, '--user-key', keyFile];
  const child = spawn(process.execPath, [bin, 'probe', '--context', cluster.context, '--intent', intent, ...foreign], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 180_000,
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = output.join('').trimEnd().split('\n');
  const open = lines.flatMap((line, index) =>
    /^(differs|undecided) /.test(line) ? lines.slice(index, index + 3) : [],
  );
  const detail = [...open, lines.at(-1) ?? ''].map((line) => line.trim()).join('; ');
  return [code === 0, code === 0 ? detail : `exit ${code}: ${detail}`];
}
