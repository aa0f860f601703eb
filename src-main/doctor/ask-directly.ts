import { get } from 'node:http';

/** How long an answer is waited for, in ms. */
const LIMIT_MS = 5_000;

/**
 * The status of a GET request. It is sent with exactly these headers, and through no proxy that the environment names.
 * @throws Error where there is no answer
 */
export function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: LIMIT_MS, headers: { ...headers } }, (response) => {
      response.resume();
      response.on('error', reject);
      resolve(response.statusCode ?? 0);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${LIMIT_MS / 1000} s`)));
    request.on('error', reject);
  });
}
