/** The probe program as a child process, fed and read as a caller would. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { EndOfRequests, ProbeFault, ProbeOutcome, ProbeRequest } from '#policies/probe/protocol.ts';

/** The program's source file. */
export const programFile = fileURLToPath(new URL('../../../../policies/probe/main.ts', import.meta.url));

/** Runs the program on raw input and returns its lines by id; lines without one under ``. */
export async function runProgram(input: string): Promise<ReadonlyMap<string, ProbeOutcome | ProbeFault>> {
  const child = spawn(process.execPath, [programFile], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(input);
  const lines = (await text(child.stdout)).trimEnd().split('\n');
  const outcomes = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ProbeOutcome | ProbeFault);
  return new Map(outcomes.map((outcome) => [outcome.id ?? '', outcome]));
}

/** Runs the probes in one program and returns their outcomes by id. */
export async function runProbes(...requests: readonly ProbeRequest[]): Promise<ReadonlyMap<string, ProbeOutcome>> {
  const end: EndOfRequests = { end: true };
  const lines = [...requests, end].map((line) => JSON.stringify(line));
  const outcomes = await runProgram(`${lines.join('\n')}\n`);
  return new Map([...outcomes].flatMap(([id, outcome]) => ('result' in outcome ? [[id, outcome] as const] : [])));
}
