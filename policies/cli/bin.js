#!/usr/bin/env node
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

// JavaScript, since a program in TypeScript would load Node's type stripper before there is a cache of compiled code.
// Compiled code is kept in the user's own cache folder, so that a later start takes a fraction of the first. The shared
// folder that Node would take by itself is writable by every user of the machine.
const caches = cacheFolder();
if (caches !== undefined) modules.enableCompileCache(join(caches, 'meshwright'));

// Our own imports name their file in full, so there is nothing to search for: Node would ask the file system for every
// import of a file, not once a file, which is half of the time that loading takes. Packages are found as ever.
const own = new URL('..', import.meta.url).href;
modules.registerHooks?.({
  resolve: (specifier, context, next) =>
    specifier.startsWith('.') && isOwn(context.parentURL)
      ? { url: new URL(specifier, context.parentURL).href, shortCircuit: true }
      : next(specifier, context),
});
const { main } = await import('./main.ts');

process.exitCode = await main(process.argv.slice(2), process);

/**
 * The user's cache folder, undefined where there is none. A relative or empty one would be in the folder at hand, which
 * may be a checkout of somebody else's: code that is kept there is run.
 */
function cacheFolder() {
  const stated = process.env['XDG_CACHE_HOME'] ?? '';
  if (isAbsolute(stated)) return stated;
  try {
    const home = homedir();
    return isAbsolute(home) && existsSync(home) ? join(home, '.cache') : undefined;
  } catch {
    // a container's user is often a number that the system has no entry for
    return undefined;
  }
}

/** True iff the file is ours, and not of a package that was installed below our folder. */
function isOwn(file = '') {
  return file.startsWith(own) && !file.includes('/node_modules/', own.length);
}
