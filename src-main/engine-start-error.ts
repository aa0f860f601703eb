import { portTakenMessage } from './config/port-holder.ts';

/** Why an engine could not start, in words for its user. */
export class EngineStartError extends Error {
  override readonly name = 'EngineStartError';
  readonly code: 'already_running' | 'port_in_use' | 'bad_host';

  constructor(code: EngineStartError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Why it cannot be listened at an address.
 * @throws what no address explains.
 */
export async function explainListenError(
  error: unknown,
  host: string,
  port: number,
  dataFolder: string,
): Promise<EngineStartError> {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  switch (code) {
    case 'EADDRINUSE':
      return new EngineStartError('port_in_use', await portTakenMessage(port, host, dataFolder), error);
    case 'EACCES':
      return new EngineStartError(
        'port_in_use',
        `This user may not listen on port ${port}. Choose one above 1023 with --port.`,
        error,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new EngineStartError(
        'bad_host',
        `This machine has no address '${host}'. Correct server.host, or use --host 127.0.0.1.`,
        error,
      );
    default:
      throw error;
  }
}
