/** The way from here to a provider. */
export interface Network {
  /** `system`, `none`, the address of a proxy, or `env:NAME` of a variable that holds one. */
  proxy: string;
  /** File of certificates (PEM) that are trusted besides the usual ones; `system`: those that the system trusts. */
  ca: string | null;
  /** HTTP/2 where the server offers it; null as false. */
  http2: boolean | null;
}
