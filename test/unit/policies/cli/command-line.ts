/** Runs command lines with both ends of their streams in hand, and checks outputs by the published schemas. */
import { readFile } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Ajv } from 'ajv';
import type { ExitCode } from '#policies/cli/exit-code.ts';
import { main } from '#policies/cli/main.ts';

/** What a command line came to. */
export interface Ended {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line with a text on standard input. */
export async function run(argv: readonly string[], stdin = ''): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  const code = await main(argv, { stdin: Readable.from([stdin]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, stdout: await out, stderr: await err };
}

/** What is wrong with a JSON value by one of the schemas; nothing is right. */
export async function faultsBy(name: string, json: unknown): Promise<unknown> {
  const schema = new URL(`../../../../policies/cli/schemas/${name}.schema.json`, import.meta.url);
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true, strictRequired: false }).compile(
    JSON.parse(await readFile(schema, 'utf8')),
  );
  return validate(json) ? [] : validate.errors;
}
