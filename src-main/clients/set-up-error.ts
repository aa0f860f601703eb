/** A set-up cannot be made or taken back; the message says why and what to do. */
export class SetUpError extends Error {
  override readonly name = 'SetUpError';
}
