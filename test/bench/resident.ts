/** A program: runs one command line and writes the most bytes that were resident as its last line; 0 only where it holds. */
import { main } from '#policies/cli/main.ts';

process.exitCode = await main(process.argv.slice(2), process);
process.stdout.write(`\n${process.resourceUsage().maxRSS * 1024}\n`);
