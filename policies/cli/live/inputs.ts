/** What every verb with `--context` reads before it works: the connection, the intent, the live mesh. */

import { readFile } from 'node:fs/promises';
import type { Intent } from '../../analysis/compare/intent.ts';
import { type Problem, problem, type Result } from '../../language/problem.ts';
import { readIntent } from '../read-intent.ts';
import { type Connection, connect } from './connect.ts';
import { type LiveMesh, readLiveMesh } from './read-live-mesh.ts';
import { readSigningKey, type SigningKey } from './user-token.ts';

/** The options that such verbs share. */
export interface LiveOptions {
  readonly context: string;
  readonly intent?: string;
  readonly rootNamespace?: string;
}

/** What was read. */
export interface LiveInputs {
  readonly connection: Connection;
  readonly intent: Intent | null;
  readonly live: LiveMesh;
}

/** Reads all of it. Errors: those of `connect`, `readIntent` and `readLiveMesh`. */
export async function readLiveInputs(options: LiveOptions): Promise<Result<LiveInputs>> {
  const intent = options.intent === undefined ? undefined : await readIntent(options.intent);
  const connection = await connect(options.context);
  const early: readonly Problem[] = [
    ...(intent?.ok === false ? intent.problems : []),
    ...(connection.ok ? [] : connection.problems),
  ];
  if (early.length > 0 || !connection.ok) return { ok: false, problems: early };
  const value = intent?.ok === true ? intent.value : null;
  const root = options.rootNamespace === undefined ? {} : { rootNamespace: options.rootNamespace };
  const live = await readLiveMesh(connection.value, { intent: value, ...root });
  if (!live.ok) return live;
  return { ok: true, value: { connection: connection.value, intent: value, live: live.value } };
}

/** The key of `--user-key`; without a file there is none. Errors: `input/not-found`, `user-key/unusable`. */
export async function readUserKey(file: string | undefined): Promise<Result<SigningKey | null>> {
  if (file === undefined) return { ok: true, value: null };
  const at = { file, path: '', line: 1 };
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return { ok: false, problems: [problem('input/not-found', 'no such file', at)] };
  try {
    return { ok: true, value: readSigningKey(content) };
  } catch (cause) {
    const message = `no key that signs tokens: ${(cause as Error).message}`;
    return { ok: false, problems: [problem('user-key/unusable', message, at, 'give a private JWK of type EC, P-256')] };
  }
}
