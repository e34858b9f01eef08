/** The report of a run of faults: a table for people, JSON and JUnit for programs. */
import Table from 'cli-table3';
import type { FaultReport } from './stage.ts';

const seconds = (milliseconds: number | null): string =>
  milliseconds === null ? 'no' : `${(milliseconds / 1000).toFixed(1)} s`;

const bounded = (milliseconds: number | null, boundMs: number): string =>
  `${seconds(milliseconds)} (${(boundMs / 1000).toFixed(0)} s)`;

/** The table, a row a fault: measured times with their bounds in brackets. */
export function faultTable(reports: readonly FaultReport[]): string {
  const table = new Table({
    head: ['fault', 'detected', 'recovered', 'invariants', 'verdict'],
    style: { head: [], border: [] },
  });
  for (const { title, bounds, detectedMs, recoveredMs, observations, holds } of reports) {
    const held = observations.filter((each) => each.holds).length;
    table.push([
      title,
      bounded(detectedMs, bounds.detectedMs),
      bounded(recoveredMs, bounds.recoveredMs),
      `${held} of ${observations.length}`,
      holds ? 'holds' : 'BROKEN',
    ]);
  }
  return table.toString();
}

/** The same as Markdown, for a README; bounds other than the usual ones carry their reason below. */
export function faultMarkdown(reports: readonly FaultReport[]): string {
  const rows = reports.map(({ title, bounds, detectedMs, recoveredMs, observations, holds }) => {
    const held = observations.filter((each) => each.holds).length;
    return `| ${title} | ${bounded(detectedMs, bounds.detectedMs)} | ${bounded(recoveredMs, bounds.recoveredMs)} | ${held} of ${observations.length} | ${holds ? 'holds' : '**broken**'} |`;
  });
  const reasons = reports.flatMap(({ name, bounds }) =>
    bounds.because === undefined ? [] : [`\`${name}\`: ${bounds.because}.`],
  );
  return [
    '| fault | detected (bound) | recovered (bound) | invariants | verdict |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    ...reasons,
    '',
  ].join('\n');
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** JUnit, a test case a fault. */
export function faultJunit(reports: readonly FaultReport[]): string {
  const cases = reports.map(({ name, holds, observations, detection, detectedMs, recovery, recoveredMs }) => {
    const broken = observations.filter((each) => !each.holds).map(({ what, detail }) => `${what}: ${detail}`);
    if (detectedMs === null) broken.unshift(`not detected in time: ${detection}`);
    if (recoveredMs === null) broken.unshift(`not recovered in time: ${recovery}`);
    const failure = holds
      ? ''
      : `<failure message="${escaped(broken[0] ?? '')}">${escaped(broken.join('\n'))}</failure>`;
    return `    <testcase classname="faults" name="${escaped(name)}">${failure}</testcase>`;
  });
  const failures = reports.filter(({ holds }) => !holds).length;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite name="faults" tests="${reports.length}" failures="${failures}">\n${cases.join('\n')}\n  </testsuite>\n</testsuites>\n`;
}
