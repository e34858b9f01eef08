/** Writes an explanation for a tired reader: the verdict first, then why, then what to change. */
import type {
  Change,
  Edit,
  Explanation,
  LayerReport,
  NearMiss,
  Opened,
  Place,
} from '../../analysis/explain/explanation.ts';
import { printYaml } from '../../language/print.ts';
import { type Beyond, beyond, forwardLines, seenThrough } from './forwards-text.ts';
import type { Paint } from './paint.ts';

/** Calls that a change also allows, listed one by one; the rest are counted. */
const LISTED = 12;

/** The whole explanation as text, ending with a line break. */
export function explanationText(explanation: Explanation, paint: Paint): string {
  return [
    ...headline(explanation, paint),
    '',
    'Layers, in the order in which the call meets them:',
    ...explanation.layers.map((layer) => layerLine(layer, paint)),
    ...forwardLines(explanation.answer, paint),
    ...nearMissLines(explanation),
    ...changeLines(explanation),
    '',
  ].join('\n');
}

function headline({ answer, caller, destination, operation, layers }: Explanation, paint: Paint): readonly string[] {
  const status =
    answer.status === null
      ? 'the connection is cut, no status'
      : `HTTP ${answer.status.http}, gRPC ${answer.status.grpc}${answer.layer === 'network-policy' ? ', after the connection timed out' : ''}`;
  const word = answer.verdict === 'allow' ? allowedText(beyond(answer), paint) : paint('bad', 'DENIED');
  const proviso = answer.assumptions.length === 0 ? '' : ', if what is assumed holds';
  const deciding = layers.find(({ decides }) => decides);
  const others = layers.filter(({ outcome, decides }) => outcome === 'stops' && !decides).map(({ layer }) => layer);
  const also =
    others.length === 0
      ? 'no other layer would have stopped it'
      : `would also have been stopped by: ${others.join(', ')}`;
  return [
    `${word}  ${caller} -> ${destination}  ${operation}`,
    `  ${answer.verdict === 'allow' ? 'allowed' : 'stopped'} by ${deciding?.layer}: ${deciding?.because}${placeText(deciding?.place)}`,
    `  the caller sees: ${answer.verdict === 'allow' ? `${seenThrough(answer)}${proviso}` : status}`,
    ...(answer.verdict === 'deny' ? [`  ${also}`] : []),
    ...answer.assumptions.map((assumption) => `  assumed: ${assumption}`),
  ];
}

/** A gateway's ALLOWED is not the last word: what stands behind it may refuse the call. */
function allowedText(further: Beyond, paint: Paint): string {
  const word = paint('good', 'ALLOWED');
  if (further === 'stopped') return `${word} by the gateway, ${paint('bad', 'DENIED')} behind it`;
  if (further === 'unknown') return `${word} by the gateway, not decided behind it`;
  if (further === 'mixed') return `${word} by the gateway, not everywhere behind it`;
  return word;
}

function placeText(place: Place | null | undefined): string {
  if (place === null || place === undefined) return '';
  const rule = place.rule === null ? '' : ` rule ${place.rule}`;
  return ` [${place.kind} ${place.namespace}/${place.name}${rule}, ${place.file}:${place.line}]`;
}

const MARKS = { passes: 'ok  ', stops: 'also', absent: '-   ' } as const;

function layerLine({ layer, outcome, decides, because, place }: LayerReport, paint: Paint): string {
  const mark = outcome === 'stops' && decides ? paint('bad', 'STOP') : MARKS[outcome];
  return `  ${mark}  ${layer.padEnd(26)} ${because}${placeText(place)}`;
}

function nearMissLines({ nearMisses }: Explanation): readonly string[] {
  if (nearMisses.length === 0) return [];
  return ['', 'Rules that came nearest, and what did not fit:', ...nearMisses.flatMap(missLines)];
}

function missLines({ place, misses, dropped }: NearMiss): readonly string[] {
  const kind = place.kind === 'AuthorizationPolicy' ? '' : `${place.kind} `;
  const fields = misses.map(({ field, expected, got, file, line }) => {
    const wanted = /^not|\(notValues\)$/.test(field) ? 'must not be one of' : 'expected';
    const values = expected.length > 4 ? [...expected.slice(0, 4), `… ${expected.length - 4} more`] : expected;
    return `      ${field}: ${wanted} ${values.join(' | ')}, got ${got === null ? 'nothing' : `\`${got}\``} (${file}:${line})`;
  });
  return [
    `  ${kind}${place.namespace}/${place.name} rule ${place.rule} (${place.file}:${place.line})`,
    ...(dropped === '' ? [] : [`      ${dropped}`]),
    ...fields,
  ];
}

function changeLines({ answer, changes, advice }: Explanation): readonly string[] {
  if (answer.verdict === 'allow') return [];
  const [smallest, ...others] = changes;
  if (smallest === undefined) {
    const sentences =
      advice.length > 0 ? advice : ['no single edit of the manifests was confirmed to let this call through'];
    return ['', 'What would let it through:', ...sentences.map((sentence) => `  ${sentence}`)];
  }
  return [
    '',
    'Smallest change that would allow it (decided again and confirmed):',
    ...oneChange(smallest),
    ...others.map(otherChange),
  ];
}

/** A change that is not the smallest: one line; JSON has it in full. */
function otherChange({ edits, alsoAllows }: Change): string {
  const places = edits.map(({ object, path }) => `${object.kind} ${object.namespace}/${object.name} ${path}`.trimEnd());
  return `  Another: ${places.join('; ')} (also allows ${callsText(alsoAllows)})`;
}

function oneChange({ edits, alsoAllows, examined, complete }: Change): readonly string[] {
  const bound = complete
    ? `${examined} calls decided before and after: known callers, methods and paths that policies name, one of each pattern`
    : `only the first ${examined} calls were looked at`;
  const effect =
    alsoAllows.length === 0
      ? [`  It allows nothing else (${bound}).`]
      : [`  It also allows ${callsText(alsoAllows)} (${bound}):`, ...openedLines(alsoAllows)];
  return [...edits.flatMap(editLines), ...effect];
}

const callsText = ({ length }: readonly Opened[]) => `${length} other call${length === 1 ? '' : 's'}`;

const VERBS = { append: 'append to', set: 'set', remove: 'remove', create: 'create' } as const;

function editLines({ object, file, line, path, action, value }: Edit): readonly string[] {
  const place = action === 'create' ? `next to ${file}` : `${file}:${line}`;
  const body = printYaml(action === 'append' ? [value] : value)
    .trimEnd()
    .split('\n');
  return [
    `  ${place}: ${object.kind} ${object.namespace}/${object.name}: ${VERBS[action]} ${path}`.trimEnd(),
    ...body.map((text) => `      ${text}`),
  ];
}

function openedLines(opened: readonly Opened[]): readonly string[] {
  const lines = opened.slice(0, LISTED).map(({ caller, destination, port, method, path }) => {
    const operation = method === null ? 'raw TCP' : `${method} ${path}`;
    return `      ${caller} -> ${destination}:${port}  ${operation}`;
  });
  return opened.length > LISTED
    ? [...lines, `      … ${opened.length - LISTED} more (--format json lists all)`]
    : lines;
}
