/**
 * Ends the process within a second, its work being done, though a call of the system hangs that nothing can call off: a
 * keychain may wait for its user for ever.
 */
export function endSoon(): void {
  setTimeout(() => process.exit(), 1_000).unref();
}
