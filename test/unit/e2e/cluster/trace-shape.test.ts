import { describe, expect, test } from 'vitest';
import { checkTrace, type Span, spansOf } from '../../../e2e/cluster/trace-shape.ts';

let next = 0;
const span = (service: string, kind: Span['kind'], parent: Span | null): Span => {
  next += 1;
  return { id: `s${next}`, parent: parent?.id ?? '', service, kind, name: `${service} ${kind}` };
};

/** A hop with both proxies; the last span is the callee's program. */
function hop(spans: Span[], above: Span, caller: string, callee: string): Span {
  const calling = span(caller, 'client', above);
  const outbound = span(`${caller}.trading`, 'client', calling);
  const inbound = span(`${callee}.trading`, 'server', outbound);
  const served = span(callee, 'server', inbound);
  spans.push(calling, outbound, inbound, served);
  return served;
}

function wholeTrace(): Span[] {
  const root = span('ingress.istio-ingress', 'server', null);
  const inbound = span('gateway.edge', 'server', root);
  const gateway = span('gateway', 'server', inbound);
  const spans = [root, inbound, gateway];
  const order = hop(spans, gateway, 'gateway', 'order');
  hop(spans, hop(spans, order, 'order', 'risk'), 'risk', 'portfolio');
  hop(spans, hop(spans, order, 'order', 'execution'), 'execution', 'market-data');
  hop(spans, order, 'order', 'portfolio');
  return spans;
}

describe('the shape of an order’s trace', () => {
  test('is whole with the gateway, every service and both proxies of each hop', () => {
    expect(checkTrace(wholeTrace())).toEqual([]);
  });

  test.for([
    ['a proxy that sent nothing', 'execution.trading', 'order -> execution'],
    ['a service that did not propagate', 'market-data', 'execution -> market-data'],
  ] as const)('misses %s', ([, service, hopName]) => {
    const spans = wholeTrace().filter((each) => each.service !== service || each.kind !== 'server');
    expect(checkTrace(spans).join('\n')).toContain(hopName);
  });

  test('is no trace with two roots', () => {
    expect(checkTrace([...wholeTrace(), span('order', 'server', null)])[0]).toContain('expected one root, got 2');
  });

  test('is nothing without spans', () => {
    expect(checkTrace([]).length).toBeGreaterThan(6);
  });

  test('is read from OTLP JSON', () => {
    const answer = {
      result: {
        resourceSpans: [
          {
            resource: { attributes: [{ key: 'service.name', value: { stringValue: 'order' } }] },
            scopeSpans: [{ spans: [{ spanId: 'a', parentSpanId: 'b', name: 'x', kind: 2 }] }],
          },
        ],
      },
    };
    expect(spansOf(answer)).toEqual([{ id: 'a', parent: 'b', service: 'order', kind: 'server', name: 'x' }]);
    expect(spansOf({})).toEqual([]);
  });
});
