/** Envoy's secret discovery. Source: envoy `service/discovery/v3/discovery.proto`, `extensions/transport_sockets/tls/v3/{secret,common}.proto`. */
import { bytes, type Encoded, message, readFields, text } from './protobuf.ts';

/** The type of everything that secret discovery carries. */
const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

/** What a proxy asks for, or how it took the last answer. */
export interface DiscoveryRequest {
  readonly names: readonly string[];
  /** The answer that this request is about; '' in a first request. */
  readonly nonce: string;
  /** Why the proxy refused that answer; null when it took it. */
  readonly refusal: string | null;
}

/** A certificate with its key, or the roots that certificates are checked against. */
export type Secret =
  | { readonly kind: 'certificate'; readonly name: string; readonly chain: string; readonly privateKey: string }
  | { readonly kind: 'roots'; readonly name: string; readonly bundle: string };

/** Reads a DiscoveryRequest. */
export function readDiscoveryRequest(encoded: Uint8Array): DiscoveryRequest {
  const request = { names: [] as string[], nonce: '', refusal: null as string | null };
  readFields(encoded, {
    3: (reader) => request.names.push(reader.string()),
    5: (reader) => {
      request.nonce = reader.string();
    },
    6: (reader) => {
      request.refusal = '';
      readFields(reader.bytes(), {
        2: (status) => {
          request.refusal = status.string();
        },
      });
    },
  });
  return request;
}

const inline = (value: string): Encoded => message((writer) => bytes(writer, 2, new TextEncoder().encode(value)));

function encodeSecret(secret: Secret): Encoded {
  return message((writer) => {
    text(writer, 1, secret.name);
    if (secret.kind === 'roots') {
      bytes(
        writer,
        4,
        message((context) => bytes(context, 1, inline(secret.bundle))),
      );
      return;
    }
    const certificate = message((inner) => {
      bytes(inner, 1, inline(secret.chain));
      bytes(inner, 2, inline(secret.privateKey));
    });
    bytes(writer, 2, certificate);
  });
}

/** Writes a DiscoveryResponse; version and nonce are the same text. */
export function writeDiscoveryResponse(response: {
  readonly version: string;
  readonly secrets: readonly Secret[];
}): Encoded {
  return message((writer) => {
    text(writer, 1, response.version);
    for (const secret of response.secrets) {
      const any = message((inner) => {
        text(inner, 1, secretType);
        bytes(inner, 2, encodeSecret(secret));
      });
      bytes(writer, 2, any);
    }
    text(writer, 4, secretType);
    text(writer, 5, response.version);
  });
}

/** Writes a DiscoveryRequest, as a proxy does. */
export function writeDiscoveryRequest({ names, nonce, refusal }: DiscoveryRequest): Encoded {
  return message((writer) => {
    for (const name of names) text(writer, 3, name);
    text(writer, 4, secretType);
    text(writer, 5, nonce);
    if (refusal !== null)
      bytes(
        writer,
        6,
        message((status) => text(status, 2, refusal)),
      );
  });
}

/** Reads a DiscoveryResponse, as a proxy does. */
export function readDiscoveryResponse(encoded: Uint8Array): {
  readonly nonce: string;
  readonly secrets: readonly Secret[];
} {
  const response = { nonce: '', secrets: [] as Secret[] };
  readFields(encoded, {
    2: (reader) =>
      readFields(reader.bytes(), {
        2: (any) => response.secrets.push(readSecret(any.bytes())),
      }),
    5: (reader) => {
      response.nonce = reader.string();
    },
  });
  return response;
}

function readInline(encoded: Uint8Array): string {
  let value = '';
  readFields(encoded, {
    2: (reader) => {
      value = new TextDecoder().decode(reader.bytes());
    },
  });
  return value;
}

function readSecret(encoded: Uint8Array): Secret {
  let name = '';
  let secret: Secret | undefined;
  readFields(encoded, {
    1: (reader) => {
      name = reader.string();
    },
    2: (reader) => {
      const parts = ['', ''];
      readFields(reader.bytes(), {
        1: (inner) => {
          parts[0] = readInline(inner.bytes());
        },
        2: (inner) => {
          parts[1] = readInline(inner.bytes());
        },
      });
      secret = { kind: 'certificate', name, chain: parts[0] ?? '', privateKey: parts[1] ?? '' };
    },
    4: (reader) =>
      readFields(reader.bytes(), {
        1: (inner) => {
          secret = { kind: 'roots', name, bundle: readInline(inner.bytes()) };
        },
      }),
  });
  if (secret === undefined) throw new Error('expected a certificate or roots in a secret, got neither');
  return secret;
}
