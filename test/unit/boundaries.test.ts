import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { checkBoundaries } from '../support/check-boundaries.ts';

const planted = [
  { rule: 'analysis-starts-from-yaml', file: 'policies/analysis/planted.ts', imports: '../../infra/main.ts' },
  { rule: 'language-stands-alone', file: 'policies/language/planted.ts', imports: '../analysis/index.ts' },
  { rule: 'cli-reads-files-only', file: 'policies/cli/planted.ts', imports: '../intent/index.ts' },
  { rule: 'synthesis-does-not-prove', file: 'infra/planted.ts', imports: '#policies/analysis/index.ts' },
  { rule: 'local-mesh-reads-dist', file: 'infra/local/planted.ts', imports: '#policies/intent/index.ts' },
  { rule: 'cluster-applies-dist', file: 'infra/cluster/planted.ts', imports: '../constructs/peer.ts' },
  { rule: 'services-are-islands', file: 'services/order/planted.ts', imports: '../risk/service.ts' },
  { rule: 'runtime-knows-no-service', file: 'services/runtime/planted.ts', imports: '../order/service.ts' },
  {
    rule: 'nothing-imports-test',
    file: 'services/runtime/planted-test.ts',
    imports: '../../test/support/source-files.ts',
  },
  {
    rule: 'declarations-load-no-grpc',
    file: 'policies/intent/planted.ts',
    imports: '../../services/gen/trading/order/v1/order.ts',
  },
];

describe('import boundaries', () => {
  test('hold, and every source was visited', async () => {
    expect(await checkBoundaries()).toEqual([]);
  });

  test.for(planted)('$rule is reported when $file imports $imports', async ({ rule, file, imports }) => {
    await writeFile(file, `import * as forbidden from '${imports}';\nexport default forbidden;\n`);
    try {
      const complaints = await checkBoundaries([file]);
      expect(complaints.join('\n')).toContain(`${rule}: ${file} imports`);
    } finally {
      await rm(file);
    }
  });
});
