import type { DestinationStream } from 'pino';
import { type Address, printAddress } from './address.ts';
import { type Configuration, type Environment, readConfiguration } from './configuration.ts';
import type { Database, PooledDatabase } from './database.ts';
import type { ServiceDeclaration } from './declaration.ts';
import { ExternalClient, type ExternalHost } from './external.ts';
import { createClient, Upstream } from './grpc-client.ts';
import { type PromiseClient, typeNameOf } from './grpc-definition.ts';
import { GrpcServer, type GrpcServicePart } from './grpc-server.ts';
import { Health, HealthService } from './health.ts';
import type { HttpServiceParts } from './http-contract.ts';
import { bufferedOutput, createLogger, type Logger } from './logging.ts';
import { startTelemetry, type Telemetry } from './telemetry.ts';
import { within } from './within.ts';

/** The gRPC services that a process serves, each with its handlers. */
export type GrpcServiceParts = readonly GrpcServicePart[];

/** What a service is given to build itself from. */
export interface ServiceContext {
  readonly log: Logger;
  /** The service's schema. Errors: throws when the declaration has no database. */
  readonly database: Database;
  /** Aborted when the service begins to stop: background work ends. */
  readonly stopping: AbortSignal;
  /** The client of a declared upstream. Errors: throws when no method of the definition is declared, or no address of `callee` is known. */
  client<D extends object>(definition: D, callee: string): PromiseClient<D>;
  /** The client of a declared host outside the mesh. Errors: throws when no call of this host and port is declared. */
  external(host: string, port?: number): ExternalHost;
  /** Tells health whether this service wants traffic. @default - serving as soon as `build` has resolved */
  setServing(serving: boolean): void;
  /** Adds a step that runs when the last call has ended, before the database closes; the last added runs first. */
  onStop(step: () => Promise<void>): void;
}

/** Makes the parts of a service. */
export type Build = (context: ServiceContext) => Promise<GrpcServiceParts | HttpServiceParts>;

/** What a test may inject. */
export interface StartOptions {
  /** Receives the log lines. @default - standard output */
  readonly logTo?: DestinationStream;
}

/** A service that is listening. */
export interface RunningService {
  /** Where it listens, as `unix:/path` or `host:port`. */
  readonly address: string;
  readonly log: Logger;
  /** Drains and ends the service; a second call waits for the first. */
  stop(): Promise<void>;
}

/** A server of either kind, as the life of a service needs it. */
interface ServiceListener {
  listen(address: Address): Promise<Address>;
  endStreams(): void;
  shutdown(timeoutMs: number): Promise<void>;
}

/** What a stop step may take before the next one begins: milliseconds. */
const stopStepMs = 2000;
/** The share of the drain time during which a stopping service still takes calls, until its callers have noticed. */
const lameDuckShare = 0.25;

/** Starts a service on the address of its environment. Errors: throws `ConfigurationError`, or whatever `build` throws. */
export async function startService(
  declaration: ServiceDeclaration,
  env: Environment,
  build: Build,
  options: StartOptions = {},
): Promise<RunningService> {
  const configuration = readConfiguration(declaration, env);
  const log = createLogger({
    service: declaration.name,
    level: configuration.logLevel,
    destination: options.logTo ?? bufferedOutput(),
  });
  const telemetry = await startTelemetry({
    service: declaration.name,
    namespace: declaration.namespace,
    ...configuration.telemetry,
  });
  const life = new ServiceLife({ declaration, configuration, log, telemetry });
  try {
    return await life.start(build);
  } catch (thrown) {
    await life.release();
    throw thrown;
  }
}

interface LifeProps {
  readonly declaration: ServiceDeclaration;
  readonly configuration: Configuration;
  readonly log: Logger;
  readonly telemetry: Telemetry;
}

class ServiceLife {
  readonly #props: LifeProps;
  readonly #stopping = new AbortController();
  readonly #upstreams = new Map<string, Upstream>();
  readonly #stopSteps: (() => Promise<void>)[] = [];
  readonly #health: Health;
  #database: PooledDatabase | undefined;
  #wanted = true;
  #built = false;
  #stopped: Promise<void> | undefined;

  constructor(props: LifeProps) {
    this.#props = props;
    this.#health = new Health(grpcTypeNames(props.declaration));
  }

  async start(build: Build): Promise<RunningService> {
    const { configuration, declaration, log } = this.#props;
    if (configuration.database !== undefined && declaration.database !== undefined) {
      const { PooledDatabase } = await import('./database.ts');
      this.#database = new PooledDatabase(configuration.database, declaration.database.schema, log);
    }
    const parts = await build(this.#context());
    const listener = await this.#listener(parts);
    const address = printAddress(await listener.listen(configuration.listen));
    this.#built = true;
    this.#health.set(this.#wanted);
    log.info({ address }, 'serving');
    return { address, log, stop: () => (this.#stopped ??= this.#stop(listener)) };
  }

  /** Gives back everything that is not a listener. */
  async release(): Promise<void> {
    this.#stopping.abort();
    for (const step of this.#stopSteps.splice(0).reverse()) {
      await within(stopStepMs, step()).catch((thrown) => this.#props.log.error({ err: thrown }, 'a stop step failed'));
    }
    for (const upstream of this.#upstreams.values()) upstream.close();
    // A transaction that never ends would hold the pool open.
    if (this.#database !== undefined) await within(stopStepMs, this.#database.close());
    await this.#props.telemetry.shutdown();
  }

  async #stop(listener: ServiceListener): Promise<void> {
    const { configuration, log } = this.#props;
    log.info('draining');
    this.#wanted = false;
    this.#health.set(false);
    this.#stopping.abort();
    const lameDuckMs = configuration.drainMs * lameDuckShare;
    await new Promise((resolve) => setTimeout(resolve, lameDuckMs));
    listener.endStreams();
    await listener.shutdown(configuration.drainMs - lameDuckMs);
    await this.release();
    log.info('stopped');
  }

  #context(): ServiceContext {
    const life = this;
    const { declaration, log } = this.#props;
    return {
      log,
      stopping: this.#stopping.signal,
      get database() {
        if (life.#database === undefined) throw new Error(`service \`${declaration.name}\` declares no database`);
        return life.#database;
      },
      client: (definition, callee) => this.#client(definition, callee),
      external: (host, port = 443) => this.#external(host, port),
      setServing: (serving) => this.#setServing(serving),
      onStop: (step) => {
        this.#stopSteps.push(step);
      },
    };
  }

  #client<D extends object>(definition: D, callee: string): PromiseClient<D> {
    const { declaration, telemetry } = this.#props;
    return createClient(definition, this.#upstream(callee), { calls: declaration.calls, tracing: telemetry.tracing });
  }

  #external(host: string, port: number): ExternalHost {
    const { declaration, telemetry } = this.#props;
    const call = declaration.calls.find(
      ({ target }) => target.kind === 'external' && target.host === host && target.port === port,
    );
    if (call === undefined) throw new Error(`service \`${declaration.name}\` declares no call of \`${host}:${port}\``);
    const client = new ExternalClient({ host, port, declaredMs: call.timeoutMs, tracing: telemetry.tracing });
    this.#stopSteps.unshift(() => client.close());
    return client;
  }

  #upstream(callee: string): Upstream {
    const known = this.#upstreams.get(callee);
    if (known !== undefined) return known;
    const address = this.#props.configuration.upstreams.get(callee);
    if (address === undefined)
      throw new Error(`service \`${this.#props.declaration.name}\` declares no call of \`${callee}\``);
    const upstream = new Upstream(address);
    this.#upstreams.set(callee, upstream);
    return upstream;
  }

  #setServing(serving: boolean): void {
    this.#wanted = serving && !this.#stopping.signal.aborted;
    if (this.#built) this.#health.set(this.#wanted);
  }

  async #listener(parts: GrpcServiceParts | HttpServiceParts): Promise<ServiceListener> {
    const { declaration, log, telemetry } = this.#props;
    const environment = { service: declaration.name, log, tracing: telemetry.tracing };
    if ('routes' in parts) {
      checkSame(
        'route',
        parts.routes.map(({ route }) => routeName(route)),
        declaredRoutes(declaration),
      );
      const { HttpServer } = await import('./http-server.ts');
      return new HttpServer(parts, this.#health, environment);
    }
    checkSame(
      'gRPC service',
      parts.map(([definition]) => typeNameOf(definition)),
      grpcTypeNames(declaration),
    );
    const server = new GrpcServer(environment);
    for (const part of parts) server.add(part);
    server.addQuietly([HealthService, this.#health.handlers()]);
    return server;
  }
}

function checkSame(what: string, served: readonly string[], declared: readonly string[]): void {
  const missing = declared.filter((name) => !served.includes(name));
  const extra = served.filter((name) => !declared.includes(name));
  if (missing.length > 0) throw new Error(`declared but not served: ${what} \`${missing.join('`, `')}\``);
  if (extra.length > 0) throw new Error(`served but not declared: ${what} \`${extra.join('`, `')}\``);
}

function grpcTypeNames(declaration: ServiceDeclaration): readonly string[] {
  return declaration.contracts.flatMap((contract) =>
    contract.kind === 'grpc' ? contract.services.map(({ typeName }) => typeName) : [],
  );
}

function declaredRoutes(declaration: ServiceDeclaration): readonly string[] {
  return declaration.contracts.flatMap((contract) => (contract.kind === 'http' ? contract.routes.map(routeName) : []));
}

function routeName({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path}`;
}
