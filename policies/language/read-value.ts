/** Reads files of this product's own: one YAML or JSON value each, with the way back to its lines. */
import { constructFromEvents, parseEvents, YAMLException } from 'js-yaml';
import type { Source } from './parse-cursor.ts';
import { lineAt, lineStarts, offsetOfPath, splitDocuments } from './position.ts';
import { problem, type Result } from './problem.ts';
import { KUBECTL_SCHEMA } from './scalar.ts';

/** Reads one value. Errors: `yaml/syntax`, `yaml/documents`. */
export function readValue(file: string, text: string): Result<Source> {
  const at = (line: number) => ({ file, path: '', line });
  try {
    const streams = splitDocuments(text, parseEvents(text, { maxDepth: 20 }));
    const [stream] = streams;
    if (stream === undefined || streams.length > 1)
      return {
        ok: false,
        problems: [problem('yaml/documents', `expected one document, got ${streams.length}`, at(1))],
      };
    const [value] = constructFromEvents(stream.events, { source: text, schema: KUBECTL_SCHEMA });
    const starts = lineStarts(text);
    return { ok: true, value: { file, value, lineOf: (path) => lineAt(starts, offsetOfPath(stream, path)) } };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = (error.mark?.line ?? 0) + 1;
    return { ok: false, problems: [problem('yaml/syntax', `broken YAML: ${error.reason}`, at(line))] };
  }
}
