/** One request of a conformance case: who calls what, what must come out, and why. */
export interface ConformanceRequest {
  readonly name: string;
  /** In the request format of `meshwright decide`, without `id`. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly expected: {
    readonly verdict: 'allow' | 'deny';
    readonly layer: string;
    readonly policy?: string | null;
    readonly status?: { readonly http: number | null; readonly grpc: number | null } | null;
    /** What becomes of it behind a gateway, as far as the case says. */
    readonly forwards?: readonly Readonly<Record<string, unknown>>[];
  };
  readonly because: string;
}
