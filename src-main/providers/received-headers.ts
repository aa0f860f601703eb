/** Headers of an answer, names in lower case. */
export type ReceivedHeaders = Readonly<Record<string, string | string[] | undefined>>;
