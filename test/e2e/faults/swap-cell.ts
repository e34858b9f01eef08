/**
 * One cell of the matrix that a policy of the test's own opens and closes: `gateway` may reach `execution` on the network
 * but may not call SubmitTrade there. It is probed without pause from the gateway's own pod, beside a cell that no
 * policy of the test grants; the probe's marker keeps the services from doing anything.
 */
import { PassThrough, Writable } from 'node:stream';
import type { AnyObject, Cluster } from './cluster.ts';
import { until } from './stage.ts';

const host = 'execution.trading.svc.cluster.local';
const submit = '/trading.execution.v1.ExecutionService/SubmitTrade';
const cancel = '/trading.execution.v1.ExecutionService/CancelTrade';
const probeEveryMs = 40;
const probeTimeoutMs = 2_000;

const policy: AnyObject = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'fault-swap', namespace: 'trading' },
  spec: {
    action: 'ALLOW',
    selector: { matchLabels: { 'app.kubernetes.io/name': 'execution' } },
    rules: [
      {
        from: [{ source: { principals: ['trading.local/ns/edge/sa/gateway'] } }],
        to: [{ operation: { methods: ['POST'], paths: [submit], ports: ['50053'] } }],
      },
    ],
  },
};

/** One answer: when the probe was sent (monotonic), and whether the service itself answered. */
export interface CellAnswer {
  readonly sentAtMs: number;
  readonly cell: 'swapped' | 'never';
  readonly verdict: 'allowed' | 'denied' | 'unclear';
}

/** The cell under swaps. */
export class SwapCell {
  /** All answers so far. */
  readonly answers: CellAnswer[] = [];
  readonly #cluster: Cluster;
  readonly #input = new PassThrough();
  readonly #sent = new Map<string, { readonly atMs: number; readonly cell: CellAnswer['cell'] }>();
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #ended = false;

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Starts probing; resolves once the cell was seen denied. Errors: throws when no probe is answered so. */
  static async open(cluster: Cluster): Promise<SwapCell> {
    const cell = new SwapCell(cluster);
    await cell.revoke();
    await cell.#start();
    if (await until(() => cell.denied() > 5, 20_000)) return cell;
    await cell.close();
    throw new Error(`the cell is not denied before the fault: ${JSON.stringify(cell.answers.slice(-3))}`);
  }

  /** How many probes of the swapped cell were denied by policy. */
  denied(): number {
    return this.#countOf('denied');
  }

  /** How many probes of the swapped cell reached the service. */
  allowed(): number {
    return this.#countOf('allowed');
  }

  /** Adds the policy that opens the cell; one that is there stays. */
  async grant(): Promise<void> {
    await this.#cluster.create(policy).catch((error: { code?: number }) => {
      if (error.code !== 409) throw error;
    });
  }

  /** Removes the policy that opens the cell. */
  revoke(): Promise<void> {
    return this.#cluster.remove(policy);
  }

  /** True iff the callee's proxy has the opening policy in the listeners that it acknowledged. */
  async isGrantedAtProxy(): Promise<boolean> {
    const place = await this.#cluster.place('trading', 'execution', 'istio-proxy');
    const command = ['pilot-agent', 'request', 'GET', 'config_dump?resource=dynamic_listeners'];
    return (await this.#cluster.access.exec(place, command)).includes('policy[fault-swap]');
  }

  /** Ends probing and removes the policy. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#input.end(`${JSON.stringify({ end: true })}\n`);
    await this.revoke();
    await until(() => this.#ended, 10_000);
  }

  #countOf(verdict: CellAnswer['verdict']): number {
    return this.answers.filter((answer) => answer.cell === 'swapped' && answer.verdict === verdict).length;
  }

  async #start(): Promise<void> {
    const place = await this.#cluster.place('edge', 'gateway');
    let rest = '';
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#take(line);
        done();
      },
    });
    await this.#cluster.stream(place, ['node', '/app/probe.js'], {
      input: this.#input,
      output,
      ended: () => {
        this.#ended = true;
      },
    });
    this.#timer = setInterval(() => this.#probe(), probeEveryMs);
  }

  #probe(): void {
    this.#count += 1;
    const cell = this.#count % 4 === 0 ? 'never' : 'swapped';
    const id = String(this.#count);
    this.#sent.set(id, { atMs: performance.now(), cell });
    const headers = { 'content-type': 'application/grpc', te: 'trailers', 'x-meshwright-probe': '1' };
    const path = cell === 'never' ? cancel : submit;
    const target = { host, port: 50_053, tls: null, timeoutMs: probeTimeoutMs, authority: `${host}:50053` };
    this.#input.write(
      `${JSON.stringify({ id, ...target, protocol: 'http2', method: 'POST', path, headers, body: 'emptyMessage' })}\n`,
    );
  }

  #take(line: string): void {
    const { id, result } = JSON.parse(line) as {
      readonly id: string;
      readonly result?: {
        readonly kind: string;
        readonly grpc?: number | null;
        readonly headers?: Readonly<Record<string, string>>;
      };
    };
    const sent = this.#sent.get(id);
    if (sent === undefined || result === undefined) return;
    this.#sent.delete(id);
    const reached = result.headers?.['x-meshwright-probed'] !== undefined;
    const verdict = reached ? 'allowed' : result.kind === 'answered' && result.grpc === 7 ? 'denied' : 'unclear';
    this.answers.push({ sentAtMs: sent.atMs, cell: sent.cell, verdict });
  }
}
