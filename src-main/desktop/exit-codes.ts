/** The engine could not be started, for a reason that has been told. A start without a window would fail too. */
export const engineFailedExitCode = 78;
