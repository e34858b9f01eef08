#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// JavaScript, since a program in TypeScript would load Node's type stripper before there is a cache of compiled code.
// Compiled code is kept in the user's own cache folder, so that a later start takes a fraction of the first. The shared
// folder that Node would take by itself is writable by every user of the machine.
enableCompileCache(join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'meshwright'));
const { main } = await import('./main.ts');

process.exitCode = await main(process.argv.slice(2), process);
