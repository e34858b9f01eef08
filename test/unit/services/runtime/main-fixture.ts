/** A service as a process of its own; its write method answers when the file that the request names exists. */
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { type Handlers, runService } from '#services/runtime/index.ts';
import { EchoServiceService, echo } from './echo-contract.ts';

const handlers: Handlers<typeof EchoServiceService> = {
  write: async (request) => {
    await appearance(request.text);
    return request;
  },
  read: async (request) => request,
  async *follow(request, call) {
    yield request;
    await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
  },
};

function appearance(path: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(dirname(path), check);
    function check(): void {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    }
    check();
  });
}

await runService(echo, async () => [[EchoServiceService, handlers]]);
