/** What benchmarks give, and how it is written for people. */
import type { GrowthResult } from './growth.ts';
import type { CountResult } from './mutate.ts';
import type { BenchResult } from './paired.ts';
import type { NotMeasured } from './peers.ts';
import type { ResidentResult } from './resident-row.ts';

/** One row of a benchmark. */
export type Row = BenchResult | CountResult | GrowthResult | NotMeasured | ResidentResult;

/** A row as its parts. */
export interface Written {
  readonly what: string;
  /** What was found, with the interval where there is one. */
  readonly found: string;
  readonly asked: string;
  readonly verdict: 'holds' | 'MISSED' | 'INVALID' | 'not measured' | 'informative';
  /** The control, and times: neither is judged. */
  readonly beside: string;
}

/** Writes a row. */
export function written(row: Row): Written {
  if ('missing' in row)
    return { what: row.name, found: '', asked: '', verdict: 'not measured', beside: `without: ${row.missing}` };
  if ('count' in row) return writtenCount(row);
  if ('exponent' in row) return writtenGrowth(row);
  return 'megabytes' in row ? writtenResident(row) : writtenRatio(row);
}

function writtenCount({ name, count, of, target, holds }: CountResult): Written {
  return {
    what: name,
    found: `${count} of ${of} (${((100 * count) / Math.max(of, 1)).toFixed(1)} %)`,
    asked: target === null ? '' : `>= ${target * 100} %`,
    verdict: target === null ? 'informative' : judged(holds),
    beside: '',
  };
}

function writtenGrowth(row: GrowthResult): Written {
  const points = row.points.map(({ services, edges, seconds }) => `${services}/${edges}: ${figure(seconds)} s`);
  return {
    what: row.name,
    found: `exponent ${figure(row.exponent)}`,
    asked: `<= ${row.target}`,
    verdict: row.isValid ? judged(row.holds) : 'INVALID',
    beside: `control ${figure(row.control.median)}, ${row.points[0]?.passes ?? 0} passes; services/edges: ${points.join(', ')}`,
  };
}

function writtenResident({ name, megabytes, target, holds }: ResidentResult): Written {
  return { what: name, found: `${megabytes} MB`, asked: `<= ${target} MB`, verdict: judged(holds), beside: '' };
}

function writtenRatio(row: BenchResult): Written {
  const { ratio, control, nanoseconds, target, seconds } = row;
  const asked = [
    ...(target === null ? [] : [`${target.kind === 'atLeast' ? '>=' : '<='} ${target.ratio}`]),
    ...(seconds === null ? [] : [`${time(seconds.asked)} (took ${time(seconds.took)})`]),
  ];
  const isJudged = asked.length > 0;
  return {
    what: row.name,
    found: interval(ratio),
    asked: asked.join(', '),
    verdict: row.isValid ? (isJudged ? judged(row.holds) : 'informative') : 'INVALID',
    beside:
      `control ${interval(control)}, ${row.rounds} rounds, ` +
      `${time(nanoseconds.a / 1e9)} and ${time(nanoseconds.b / 1e9)} an operation`,
  };
}

const judged = (holds: boolean) => (holds ? 'holds' : 'MISSED');
const figure = (value: number) => (value >= 1000 ? String(Math.round(value)) : value.toPrecision(3));
const interval = ({ median, low, high }: BenchResult['ratio']) => `${figure(median)} [${figure(low)}, ${figure(high)}]`;

function time(seconds: number): string {
  if (seconds >= 0.1) return `${figure(seconds)} s`;
  if (seconds >= 1e-4) return `${figure(seconds * 1e3)} ms`;
  return seconds >= 1e-6 ? `${figure(seconds * 1e6)} us` : `${figure(seconds * 1e9)} ns`;
}
