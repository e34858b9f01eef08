import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { HeaderFields, Incoming, Outgoing, RequestHead, ResponseHead, UpstreamFailure } from './exchange.ts';

const endStream = constants.NGHTTP2_FLAG_END_STREAM;

/** Wraps a stream that a peer opened. */
export function incomingHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number): Incoming {
  const trailers: HeaderFields = {};
  let answerTrailers: HeaderFields = {};
  stream.on('trailers', (fields: IncomingHttpHeaders) => Object.assign(trailers, plainFields(fields)));
  stream.on('wantTrailers', () => stream.sendTrailers(answerTrailers));
  stream.on('error', ignore);
  return {
    head: requestHead(headers),
    body: stream,
    bodyless: (flags & endStream) !== 0,
    trailers,
    respond(head, ends) {
      if (stream.destroyed || stream.closed || stream.headersSent) return;
      const fields = { ':status': head.status, ...head.headers };
      if (ends) stream.respond(fields, { endStream: true });
      else stream.respond(fields, { waitForTrailers: true });
    },
    sink: stream,
    finish(fields) {
      answerTrailers = fields;
      stream.end();
    },
    reset(code) {
      if (!stream.closed) stream.close(code);
    },
    onAbandoned(callback) {
      // `aborted` comes first and before the readable side is ended by the reset, so a cancel never looks like a half-close.
      stream.once('aborted', () => callback(stream.rstCode || constants.NGHTTP2_CANCEL));
    },
    onClosed(callback) {
      stream.once('close', callback);
    },
  };
}

/** Wraps a stream that the sidecar opened. */
export function outgoingHttp2(stream: ClientHttp2Stream): Outgoing {
  const trailers: HeaderFields = {};
  let requestTrailers: HeaderFields = {};
  const onFailure = failureOf(stream);
  stream.on('trailers', (fields: IncomingHttpHeaders) => Object.assign(trailers, plainFields(fields)));
  stream.on('wantTrailers', () => stream.sendTrailers(requestTrailers));
  return {
    sink: stream,
    finish(fields) {
      requestTrailers = fields;
      stream.end();
    },
    body: stream,
    trailers,
    reset(code) {
      if (!stream.closed) stream.close(code);
    },
    onHead(callback) {
      stream.once('response', (headers, flags) => {
        const head: ResponseHead = { status: headers[':status'] ?? 502, headers: plainFields(headers) };
        callback(head, (flags & endStream) !== 0);
      });
    },
    onFailure,
  };
}

function failureOf(stream: ClientHttp2Stream): Outgoing['onFailure'] {
  let error: Error | undefined;
  let ended = false;
  stream.on('error', (cause) => {
    error = cause;
  });
  stream.once('end', () => {
    ended = stream.rstCode === constants.NGHTTP2_NO_ERROR;
  });
  return (callback) => {
    stream.once('close', () => {
      const code = stream.rstCode;
      if (ended || (code === constants.NGHTTP2_NO_ERROR && error === undefined && stream.readableEnded)) return;
      const refused = code === constants.NGHTTP2_REFUSED_STREAM;
      const failure: UpstreamFailure = {
        kind: refused ? 'refusedStream' : 'reset',
        code: code === constants.NGHTTP2_NO_ERROR ? constants.NGHTTP2_INTERNAL_ERROR : code,
        because: error === undefined ? `stream reset with code ${code}` : error.message,
      };
      callback(failure);
    });
  };
}

function requestHead(headers: IncomingHttpHeaders): RequestHead {
  return {
    method: text(headers[':method']),
    path: text(headers[':path']),
    authority: text(headers[':authority'] ?? headers.host),
    headers: plainFields(headers),
  };
}

const text = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');

/** The fields without pseudo-headers and without those that belong to one connection. */
function plainFields(headers: IncomingHttpHeaders): HeaderFields {
  const fields: HeaderFields = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || name.startsWith(':') || ofConnection.has(name)) continue;
    fields[name] = value;
  }
  return fields;
}

/** Fields that HTTP/2 forbids or that say something of one hop only. */
export const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const ignore = (): void => {};
