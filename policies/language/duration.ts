const UNIT_NANOSECONDS: Readonly<Record<string, number>> = {
  h: 3_600_000_000_000,
  m: 60_000_000_000,
  s: 1_000_000_000,
  ms: 1_000_000,
  us: 1000,
  µs: 1000,
  ns: 1,
};

/** Nanoseconds of a duration as Go reads it (`1m30s`, `0`, `-1.5h`), undefined when it is none. Source: Go `time.ParseDuration`. */
export function nanosecondsOf(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0;
  if (!/^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:h|ms|us|µs|ns|m|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(h|ms|us|µs|ns|m|s)/g)) {
    total += Number(amount) * (UNIT_NANOSECONDS[unit ?? ''] ?? 0);
  }
  return text.startsWith('-') ? -total : total;
}
