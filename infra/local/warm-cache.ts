/**
 * Loads a sidecar's code without running it. The first process that loads a TypeScript file pays for stripping its
 * types, with 30 MB that it never gives back; once this program has run, the shared cache holds the result for all.
 */
import './sidecar.ts';
