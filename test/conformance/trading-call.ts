/** Requests to workloads of the namespace `trading`, as conformance cases write them. */

/** The identity of an account of the namespace. */
export const from = (account: string, trustDomain = 'trading.local') => ({
  principal: `spiffe://${trustDomain}/ns/trading/sa/${account}`,
});

/** An HTTP call to a port of a workload. */
export const call = (workload: string, source: object, { method = 'GET', path = '/', port = 8080 } = {}) => ({
  source,
  destination: { namespace: 'trading', workload, port },
  http: { method, path, host: workload, headers: {} },
});
