import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { HeaderFields, Incoming, Outgoing, UpstreamFailure } from './exchange.ts';
import { ofConnection } from './exchange-http2.ts';

/** Wraps a request that came over HTTP/1.1. */
export function incomingHttp1(request: IncomingMessage, response: ServerResponse): Incoming {
  request.on('error', ignore);
  response.on('error', ignore);
  return {
    head: {
      method: request.method ?? '',
      path: request.url ?? '',
      authority: request.headers.host ?? '',
      headers: fieldsOf(request.headers),
    },
    body: request,
    bodyless: request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined,
    trailers: {},
    respond(head, ends) {
      if (response.headersSent || response.destroyed) return;
      response.writeHead(head.status, head.headers);
      if (ends) response.end();
      else response.flushHeaders();
    },
    sink: response,
    finish: () => void response.end(),
    reset: () => void request.socket.destroy(),
    onAbandoned(callback) {
      response.once('close', () => {
        if (!response.writableFinished) callback(constants.NGHTTP2_CANCEL);
      });
    },
    onClosed(callback) {
      response.once('close', callback);
    },
  };
}

/** Wraps a request that the sidecar sends over HTTP/1.1. */
export function outgoingHttp1(request: ClientRequest): Outgoing {
  const trailers: HeaderFields = {};
  const answer = Promise.withResolvers<IncomingMessage>();
  const failures: ((failure: UpstreamFailure) => void)[] = [];
  const fail = (because: string): void => {
    for (const callback of failures.splice(0)) {
      callback({ kind: request.socket?.connecting === false ? 'reset' : 'connect', code: internalError, because });
    }
  };
  request.on('error', (error) => fail(error.message));
  request.once('response', (message: IncomingMessage) => {
    answer.resolve(message);
    message.once('close', () => {
      if (!message.complete) fail('connection closed inside the answer');
    });
    message.on('error', ignore);
  });
  let body: IncomingMessage | undefined;
  return {
    sink: request,
    finish: () => void request.end(),
    get body(): IncomingMessage {
      if (body === undefined) throw new Error('the body of an answer was read before its head came');
      return body;
    },
    trailers,
    reset: () => void request.destroy(),
    onHead(callback) {
      void answer.promise.then((message) => {
        body = message;
        callback({ status: message.statusCode ?? 502, headers: fieldsOf(message.headers) }, false);
      });
    },
    onFailure: (callback) => void failures.push(callback),
  };
}

const internalError = constants.NGHTTP2_INTERNAL_ERROR;
const ignore = (): void => {};

function fieldsOf(headers: IncomingHttpHeaders): HeaderFields {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  const fields: HeaderFields = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || ofConnection.has(name) || named.has(name)) continue;
    // HTTP/2 knows no other value of it.
    if (name === 'te' && value !== 'trailers') continue;
    fields[name] = value;
  }
  return fields;
}
