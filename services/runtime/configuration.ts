import { z } from 'zod';
import { type Address, tryParseAddress } from './address.ts';
import type { CallDeclaration, ServiceDeclaration } from './declaration.ts';

/** How a role reaches its database. `host` is a host name, or the directory of a UNIX socket. */
export interface DatabaseConfiguration {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  readonly passwordFile: string;
  /** The roots that the server's certificate is checked against, PEM; undefined where the connection is not TLS. */
  readonly caFile: string | undefined;
}

/** Everything that a service learns from its environment. */
export interface Configuration {
  readonly listen: Address;
  /** Address of each upstream by the callee's name. Shape: `market-data` → `unix:/run/market-data.sock`. */
  readonly upstreams: ReadonlyMap<string, Address>;
  readonly database: DatabaseConfiguration | undefined;
  readonly telemetry: { readonly endpoint: string | undefined; readonly sampleRatio: number };
  readonly logLevel: string;
  readonly drainMs: number;
}

/** The names and values that a process was started with. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment does not fit the declaration; holds every problem, one line each. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`configuration: ${problems.join('; ')}`);
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

const address = z.string({ error: 'expected an address, got nothing' }).transform((text, context) => {
  const parsed = tryParseAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: `expected \`unix:/path\` or \`host:port\`, got \`${text}\`` });
  return z.NEVER;
});

const wholeNumber = (name: string, from: number, to: number, fallback?: number) =>
  z
    .string({ error: `expected ${name}, got nothing` })
    .default(fallback === undefined ? (undefined as never) : String(fallback))
    .transform((text, context) => {
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= from && value <= to) return value;
      context.addIssue({ code: 'custom', message: `expected ${name} from ${from} to ${to}, got \`${text}\`` });
      return z.NEVER;
    });

const required = (what: string) =>
  z.string({ error: `expected ${what}, got nothing` }).min(1, `expected ${what}, got an empty text`);

const ratio = z
  .string()
  .default('1')
  .transform((text, context) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= 0 && value <= 1) return value;
    context.addIssue({ code: 'custom', message: `expected a number from 0 to 1, got \`${text}\`` });
    return z.NEVER;
  });

const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
  error: (issue) =>
    `expected a log level (fatal, error, warn, info, debug, trace, silent), got \`${String(issue.input)}\``,
});

const baseShape = {
  LISTEN: address,
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).optional(),
  TRACE_SAMPLE_RATIO: ratio,
  LOG_LEVEL: logLevel.default('info'),
  DRAIN_MS: wholeNumber('milliseconds', 0, 600_000, 2000),
};

const databaseShape = {
  DATABASE_HOST: required('a host name or the directory of a UNIX socket'),
  DATABASE_PORT: wholeNumber('a port', 1, 65535, 5432),
  DATABASE_NAME: required('the name of a database'),
  DATABASE_USER: required('the name of a role'),
  DATABASE_PASSWORD_FILE: required('the path of a file'),
  DATABASE_CA_FILE: z.string().optional(),
};

const baseSchema = z.object(baseShape);
const databaseSchema = z.object(databaseShape);

/**
 * Reads a service's configuration from its environment; an empty value counts as absent.
 * Errors: throws `ConfigurationError` with all problems at once.
 */
export function readConfiguration(declaration: ServiceDeclaration, env: Environment): Configuration {
  const present = withoutEmpty(env);
  const names = upstreamNames(declaration);
  const base = baseSchema.safeParse(present);
  const upstreams = z
    .object(Object.fromEntries(names.map((name) => [upstreamVariable(name), address])))
    .safeParse(present);
  const database = declaration.database === undefined ? undefined : databaseSchema.safeParse(present);
  const problems = [base, upstreams, database].flatMap((parsed) => problemsOf(parsed?.error));
  if (!base.success || !upstreams.success || database?.success === false) throw new ConfigurationError(problems);
  return {
    listen: base.data.LISTEN,
    upstreams: new Map(names.map((name) => [name, upstreams.data[upstreamVariable(name)] as Address])),
    database: database && databaseConfiguration(database.data),
    telemetry: { endpoint: base.data.OTEL_EXPORTER_OTLP_ENDPOINT, sampleRatio: base.data.TRACE_SAMPLE_RATIO },
    logLevel: base.data.LOG_LEVEL,
    drainMs: base.data.DRAIN_MS,
  };
}

/** Reads the variables `DATABASE_*` alone. Errors: throws `ConfigurationError` with all problems at once. */
export function readDatabaseConfiguration(env: Environment): DatabaseConfiguration {
  const parsed = databaseSchema.safeParse(withoutEmpty(env));
  if (!parsed.success) throw new ConfigurationError(problemsOf(parsed.error));
  return databaseConfiguration(parsed.data);
}

/** The name of the environment variable that holds an upstream's address. Shape: `market-data` gives `UPSTREAM_MARKET_DATA`. */
export function upstreamVariable(callee: string): string {
  return `UPSTREAM_${callee.replaceAll('-', '_').toUpperCase()}`;
}

/**
 * The workload that a gRPC service belongs to, by the naming rule of this platform: `MarketDataService` is served by
 * `market-data`.
 */
export function calleeOf(serviceTypeName: string): string {
  const simple = serviceTypeName.slice(serviceTypeName.lastIndexOf('.') + 1).replace(/Service$/, '');
  return simple.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
}

function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

function upstreamNames(declaration: ServiceDeclaration): readonly string[] {
  return [...new Set(declaration.calls.flatMap(upstreamOf))].sort();
}

function upstreamOf(call: CallDeclaration): readonly string[] {
  const target = call.target;
  switch (target.kind) {
    case 'method':
      return [calleeOf(target.method.service)];
    case 'route':
      return [target.callee];
    case 'port':
    case 'external':
      return [];
    default:
      return target satisfies never;
  }
}

function problemsOf(error: z.ZodError | undefined): readonly string[] {
  return (error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

function databaseConfiguration(values: z.infer<typeof databaseSchema>): DatabaseConfiguration {
  return {
    host: values.DATABASE_HOST,
    port: values.DATABASE_PORT,
    name: values.DATABASE_NAME,
    user: values.DATABASE_USER,
    passwordFile: values.DATABASE_PASSWORD_FILE,
    caFile: values.DATABASE_CA_FILE,
  };
}
