/** Clients that people ask for and that cannot be set up: why, and what can be done instead. */
export const unsupported: ReadonlyMap<string, string> = new Map([
  [
    'gemini-cli',
    // https://geminicli.com/docs/reference/configuration: GOOGLE_GEMINI_BASE_URL leads it to another server of the same API.
    "Gemini CLI can be led to another address, but speaks only Google's own API there (generateContent), which CProxy does not offer to clients. So it cannot use CProxy yet. CProxy can use Gemini for other clients: a provider of type gemini.",
  ],
]);
