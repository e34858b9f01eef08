import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { catalog } from '#services/catalog.ts';
import { ConfigurationError, calleeOf, readConfiguration, upstreamVariable } from '#services/runtime/configuration.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { callerDeclaration } from './echo.ts';

const caller: ServiceDeclaration = { ...callerDeclaration(1000), database: { schema: 'trading_caller' } };

const complete = {
  LISTEN: 'unix:/run/caller.sock',
  UPSTREAM_ECHO: 'echo.test.svc.cluster.local:50051',
  DATABASE_HOST: '/run/postgres',
  DATABASE_NAME: 'trading',
  DATABASE_USER: 'trading_caller',
  DATABASE_PASSWORD_FILE: '/run/secrets/password',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfiguration(caller, env);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) return thrown.problems;
    throw thrown;
  }
}

describe('configuration', () => {
  test('a complete environment gives every value, with the defaults of the rest', () => {
    expect(readConfiguration(caller, complete)).toEqual({
      listen: { kind: 'unix', path: '/run/caller.sock' },
      upstreams: new Map([['echo', { kind: 'tcp', host: 'echo.test.svc.cluster.local', port: 50051 }]]),
      database: {
        host: '/run/postgres',
        port: 5432,
        name: 'trading',
        user: 'trading_caller',
        passwordFile: '/run/secrets/password',
        caFile: undefined,
      },
      telemetry: { endpoint: undefined, sampleRatio: 1 },
      logLevel: 'info',
      drainMs: 2000,
    });
  });

  test('everything that is missing or wrong is reported at once', () => {
    const wrong = { TRACE_SAMPLE_RATIO: '2', LOG_LEVEL: 'loud', DRAIN_MS: 'soon', DATABASE_PORT: '70000' };
    const variables = problemsOf({ ...wrong, OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://x', UPSTREAM_ECHO: 'echo' }).map(
      (problem) => problem.split(':')[0],
    );
    expect(variables.sort()).toEqual([
      'DATABASE_HOST',
      'DATABASE_NAME',
      'DATABASE_PASSWORD_FILE',
      'DATABASE_PORT',
      'DATABASE_USER',
      'DRAIN_MS',
      'LISTEN',
      'LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'TRACE_SAMPLE_RATIO',
      'UPSTREAM_ECHO',
    ]);
  });

  test.for([
    ['an empty text counts as absent', { LISTEN: '' }, 'LISTEN: expected an address, got nothing'],
    [
      'a relative socket path',
      { LISTEN: 'unix:run.sock' },
      'LISTEN: expected `unix:/path` or `host:port`, got `unix:run.sock`',
    ],
    ['a port out of range', { LISTEN: 'a:65536' }, 'LISTEN: expected `unix:/path` or `host:port`, got `a:65536`'],
    [
      'a ratio that is no number',
      { TRACE_SAMPLE_RATIO: 'x' },
      'TRACE_SAMPLE_RATIO: expected a number from 0 to 1, got `x`',
    ],
  ] as const)('%s is a problem of its own', ([, env, problem]) => {
    expect(problemsOf({ ...complete, ...env })).toEqual([problem]);
  });

  test.for([
    ['trading.marketdata.v1.MarketDataService', 'market-data', 'UPSTREAM_MARKET_DATA'],
    ['trading.order.v1.OrderService', 'order', 'UPSTREAM_ORDER'],
  ] as const)('%s is served by `%s`, found at %s', ([typeName, callee, variable]) => {
    expect([calleeOf(typeName), upstreamVariable(calleeOf(typeName))]).toEqual([callee, variable]);
  });

  test.for(
    catalog.flatMap(({ name, kind, contracts }) =>
      (kind === 'service' ? contracts : []).flatMap((contract) =>
        contract.kind === 'grpc' ? contract.services.map(({ typeName }) => [typeName, name] as const) : [],
      ),
    ),
  )('the naming rule holds in the catalog: %s is served by `%s`', ([typeName, name]) => {
    expect(calleeOf(typeName)).toBe(name);
  });

  test('a process that is not configured ends with 3 and one line a problem', () => {
    const main = new URL('./main-fixture.ts', import.meta.url).pathname;
    const ended = spawnSync(process.execPath, [main], { env: { LOG_LEVEL: 'loud' }, encoding: 'utf8' });
    expect(ended.status).toBe(3);
    expect(ended.stderr.trimEnd().split('\n')).toEqual([
      'echo: LISTEN: expected an address, got nothing',
      'echo: LOG_LEVEL: expected a log level (fatal, error, warn, info, debug, trace, silent), got `loud`',
    ]);
  });
});
