import { expect, test } from 'vitest';
import { spanAttributes } from '#infra/local/inbound-http.ts';
import { unknownPeer } from '#infra/local/sidecar-context.ts';

test.for([
  { name: 'of gRPC', headers: { 'content-type': 'application/grpc' } },
  { name: 'of HTTP', headers: {} },
])('a span $name holds neither query nor fragment', ({ headers }) => {
  for (const behind of ['?access_token=secret', '#access_token=secret', '?a=1\n&access_token=secret']) {
    const head = { method: 'POST', path: `/pkg.Service/Call${behind}`, authority: 'beta', headers };
    const attributes = spanAttributes(head, unknownPeer, {});
    expect(attributes['rpc.method'] ?? attributes['url.path']).toMatch(/^\/?pkg\.Service\/Call$/);
    expect(JSON.stringify(attributes)).not.toContain('secret');
  }
});
