import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instruments, planOrders, traders } from '#infra/local/demo-plan.ts';
import { DemoSession, type SessionFigures } from '#infra/local/demo-session.ts';
import { type LocalMesh, startMesh } from '#infra/local/mesh.ts';
import { openTradingApi, type TradingApi } from '#infra/local/trading-api.ts';
import { meshFolder } from '../support/mesh-folder.ts';
import { ownAddress } from '../support/own-address.ts';

const seed = 7;
const [alice, bob] = traders;
if (alice === undefined || bob === undefined) throw new Error('the plan has fewer than two traders');

describe('a trading session through the ingress of the local mesh', () => {
  let folder: string;
  let mesh: LocalMesh;
  let api: TradingApi;
  let figures: SessionFigures;
  let imbalances: readonly string[];
  const plan = planOrders(200, seed);

  const tokenFor = (subject: string, accounts: readonly string[], scope: string) =>
    mesh.mintUserToken({ subject, accounts, scope });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshwright-session-'));
    const { dist, state } = await meshFolder(folder);
    mesh = await startMesh({ dist, state, address: ownAddress(), database: 'thrownAway' });
    const { host, port, ca } = mesh.edge;
    api = openTradingApi({ baseUrl: `https://${host}:${port}`, address: mesh.address, ca });
    const session = new DemoSession(
      api,
      (subject, accounts, scopes) => tokenFor(subject, accounts, scopes.join(' ')),
      seed,
    );
    await session.setUp();
    figures = await session.trade(plan, () => {});
    imbalances = await session.settle();
  }, 180_000);

  afterAll(async () => {
    await api?.close();
    await mesh?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('answers every order, and every status is accounted for', () => {
    const { filled, resting, canceled, refusedByRisk } = figures;
    expect(filled + resting + canceled + refusedByRisk).toBe(plan.length);
    expect(filled).toBeGreaterThan(0);
    expect(refusedByRisk).toBeGreaterThanOrEqual(plan.filter(({ twist }) => twist === 'refused').length);
  });

  test('leaves cash and positions in balance', () => {
    expect(imbalances).toEqual([]);
  });

  test('shows an order as one trace through every service and its sidecar', async () => {
    const names = [
      'gateway.edge',
      'order.trading',
      'risk.trading',
      'execution.trading',
      'market-data.trading',
      'portfolio.trading',
    ];
    const expected = ['ingress.istio-ingress', ...names, ...names.map((name) => name.split('.')[0])];
    const { store } = mesh.collector;
    const isWhole = (traceId: string) => {
      const services = new Set(store.trace(traceId).map(({ service }) => service));
      return expected.every((service) => service !== undefined && services.has(service));
    };
    const findWhole = () => figures.tracedOrders.find(({ traceId }) => isWhole(traceId));
    await expect.poll(findWhole, { timeout: 15_000 }).toBeDefined();
    const spans = store.trace(findWhole()?.traceId ?? '');
    const ids = new Set(spans.map(({ span }) => span.spanId));
    const orphans = spans.filter(({ span }) => !ids.has(span.parentSpanId ?? ''));
    expect(orphans.map(({ service }) => service)).toEqual(['ingress.istio-ingress']);
  });

  test.for(['GET', 'DELETE'] as const)(
    'answers 404 when a user sends %s for an order of another user',
    async (method) => {
      const foreign = plan.find(({ trader }) => trader === bob);
      const token = await tokenFor(alice.subject, [alice.account], 'orders.read orders.write');
      for (const account of [alice.account, bob.account]) {
        const request = method === 'DELETE' ? `&requestId=foreign-${account}` : '';
        const path = `/orders/${foreign?.clientOrderId}?account=${account}${request}`;
        expect((await api.send(token, method, path)).status).toBe(404);
      }
    },
  );

  test('refuses a trader at an operator method, and anybody without a token', async () => {
    const trader = await tokenFor(
      alice.subject,
      [alice.account],
      'orders.write orders.read positions.read quotes.read',
    );
    const body = { requestId: 'trader-stops-all', account: '', engaged: true, reason: 'none' };
    expect((await api.send(trader, 'POST', '/operations/kill-switch', body)).status).toBe(403);
    expect((await api.send(null, 'POST', '/operations/kill-switch', body)).status).toBe(403);
  });

  test('stops new orders at once when an operator engages the kill switch', async () => {
    const operator = await tokenFor('operator', [], 'operations.risk');
    const token = await tokenFor(alice.subject, [alice.account], 'orders.write');
    const symbol = instruments[0]?.symbol;
    const switchTo = (engaged: boolean) => {
      const body = { requestId: `switch-${engaged}`, account: alice.account, engaged, reason: 'test' };
      return api.send(operator, 'POST', '/operations/kill-switch', body);
    };
    const place = (clientOrderId: string) =>
      api.send(token, 'POST', '/orders', {
        clientOrderId,
        symbol,
        side: 'SIDE_BUY',
        orderType: 'ORDER_TYPE_LIMIT',
        timeInForce: 'TIME_IN_FORCE_DAY',
        quantity: '1',
        priceTicks: '990',
      });
    expect((await switchTo(true)).status).toBe(200);
    expect((await place('while-stopped')).body).toMatchObject({
      order: { status: 'ORDER_STATUS_REJECTED', rejectReason: 'ORDER_REJECT_REASON_KILL_SWITCH' },
    });
    expect((await switchTo(false)).status).toBe(200);
    expect((await place('after-stop')).body).not.toMatchObject({ order: { status: 'ORDER_STATUS_REJECTED' } });
  });
});
