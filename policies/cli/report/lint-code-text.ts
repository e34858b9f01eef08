/** What a lint code means, for people. */
import type { CodeEntry } from '../../analysis/lint/checks.ts';

/** A code's paragraph, as `--explain` prints it. */
export function codeText({ code, severity, title, resolution }: CodeEntry): string {
  return `${code} (${severity}): ${title}\n\n${wrap(resolution, 100)}\n`;
}

function wrap(text: string, width: number): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const line = lines[last] ?? '';
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[last] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
