import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
// As a whole: an older Node of Electron lacks getCACertificates, where a named import would not load.
import tls from 'node:tls';
import { CaError } from './connection-errors.ts';

/**
 * The certificates that are trusted with a provider's `ca`: the usual ones (with those of NODE_EXTRA_CA_CERTS) and those of
 * the file, or, with `system`, those that the operating system trusts.
 * @throws CaError
 */
export function trustedCertificates(ca: string, baseFolder: string): string[] {
  const usual = tls.getCACertificates('default');
  if (ca === 'system') return [...usual, ...tls.getCACertificates('system')];
  const file = path.resolve(
    baseFolder,
    ca.replace(/^~(?=$|[/\\])/, () => homedir()),
  );
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new CaError(`ca: the file ${file} could not be read (${reason})`);
  }
  const own = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (own.length === 0)
    throw new CaError(`ca: the file ${file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)`);
  for (const [index, certificate] of own.entries())
    try {
      new X509Certificate(certificate);
    } catch {
      throw new CaError(`ca: certificate ${index + 1} in the file ${file} is damaged`);
    }
  return [...usual, ...own];
}
