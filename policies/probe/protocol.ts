/**
 * What goes into and comes out of the probe program: one JSON object a line, in any order, matched by `id`. Types only,
 * so that the program needs nothing at run time and the command line can share them.
 */

/** What every request says. */
interface Destination {
  /** Comes back in the outcome. */
  readonly id: string;
  /** Name or address to connect to. */
  readonly host: string;
  readonly port: number;
  /** For everything together: name, connection, handshake and answer. */
  readonly timeoutMs: number;
  /** Server name of a TLS handshake that verifies nothing and shows no certificate; null speaks in the clear. */
  readonly tls: string | null;
}

/** One HTTP exchange; the path goes out as it stands, even when it is none. */
export interface HttpProbe extends Destination {
  readonly protocol: 'http2' | 'http1';
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `emptyMessage` is the frame of a gRPC message without fields. */
  readonly body: 'none' | 'emptyMessage';
}

/** Bytes to a TCP port; the first bytes that come back are the answer. */
export interface TcpProbe extends Destination {
  readonly protocol: 'tcp';
  /** Hexadecimal; '' only connects, and being connected is the answer. */
  readonly bytes: string;
}

/** One line of input. */
export type ProbeRequest = HttpProbe | TcpProbe;

/** The last line of input, for transports that cannot close a stream of one direction. */
export interface EndOfRequests {
  readonly end: true;
}

/** How far a probe that failed had come. */
export type ProbeStage = 'resolve' | 'connect' | 'handshake' | 'answer';

/** What came of it. */
export type ProbeResult =
  /** Something answered: a sidecar or the service. `complete` false: the deadline came before the end. */
  | {
      readonly kind: 'answered';
      readonly http: number | null;
      /** As sent, in headers or trailers; null when there was none. */
      readonly grpc: number | null;
      /** All headers and trailers, lower-case names; of repeated ones the values joined with `, `. */
      readonly headers: Readonly<Record<string, string>>;
      /** At most 256 bytes: text for HTTP, hexadecimal for TCP. */
      readonly body: string;
      readonly complete: boolean;
    }
  /** The one stream was reset, with this HTTP/2 error code. */
  | { readonly kind: 'streamReset'; readonly code: number }
  /** No answer. `code` is the operating system's (`ECONNREFUSED`), `TIMEOUT`, `CLOSED`, or a TLS or HTTP/2 one. */
  | { readonly kind: 'failed'; readonly stage: ProbeStage; readonly code: string; readonly message: string };

/** One line of output. */
export interface ProbeOutcome {
  readonly id: string;
  readonly result: ProbeResult;
  /** Of the probe's own socket; null before it was connected. */
  readonly localAddress: string | null;
  readonly localPort: number | null;
  readonly remoteAddress: string | null;
  /** When the probe began by the clock of its pod: milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly elapsedMs: number;
}

/** A line of output about a line of input that is no request. */
export interface ProbeFault {
  readonly id: string | null;
  readonly fault: string;
}
