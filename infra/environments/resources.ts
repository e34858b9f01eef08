/** CPU and memory that a container asks for and may use at most, in Kubernetes' own notation (`250m`, `128Mi`). */
export interface Resources {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu: string; readonly memory: string };
}
