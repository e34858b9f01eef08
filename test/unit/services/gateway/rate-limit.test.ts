import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { asUser } from '../../../support/bare-grpc.ts';
import { closeStand, openStand, received, resetStand, upstream } from './edge-stand.ts';
import { type RunningGateway, startGateway } from './running-gateway.ts';

beforeAll(openStand);
afterAll(closeStand);
beforeEach(resetStand);

describe('the rate limit', () => {
  const from = (subject: string, forwarded: string) => ({ ...asUser(subject, ['A-1']), 'x-forwarded-for': forwarded });

  const ask = async (edge: RunningGateway, headers: Readonly<Record<string, string>>) => {
    const response = await fetch(`${edge.url}/positions`, { headers });
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.text() };
  };

  test('refuses a user who asks too often, from wherever, with the time to wait; others go on', async () => {
    await using edge = await startGateway(upstream.address, { perUser: 3, perAddress: 1000 });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => ask(edge, from('alice', `192.0.2.${index}`))),
    );
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(2);
    expect(refused[0]?.retryAfter).toBe('1');
    expect(JSON.parse(refused[0]?.body ?? '')).toMatchObject({ status: 429, code: 'RESOURCE_EXHAUSTED' });
    expect((await ask(edge, from('bob', '192.0.2.1'))).status).toBe(200);
  });

  test('refuses an address whoever asks from it, and what the client claims before it does not help', async () => {
    await using edge = await startGateway(upstream.address, { perUser: 1000, perAddress: 3 });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => ask(edge, from(`user-${index}`, `10.0.0.${index}, 192.0.2.1`))),
    );
    expect(answers.filter((answer) => answer.status === 429).length).toBeGreaterThanOrEqual(2);
    expect((await ask(edge, from('alice', '192.0.2.2'))).status).toBe(200);
  });

  test('does not let what it refuses reach a service', async () => {
    await using edge = await startGateway(upstream.address, { perUser: 1, perAddress: 1000 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(edge, from('carol', '192.0.2.3'))));
    expect(received).toHaveLength(answers.filter((answer) => answer.status === 200).length);
  });
});
