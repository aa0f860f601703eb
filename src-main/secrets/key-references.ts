import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** What a key reference leads to. `warning` tells of a key that works but lies open. */
export type KeyState =
  | { state: 'present'; value: string; warning: string | null }
  | { state: 'missing'; reason: string }
  | { state: 'from-client' };

export type KeyResolver = (reference: string) => KeyState;

interface KeyResolverOptions {
  env: NodeJS.ProcessEnv;
  /** Folder that relative `file:` references start from: that of the configuration file. */
  baseFolder: string;
}

/** Longer files are not keys; they are not read. */
const largestKeyFile = 64 * 1024;

/**
 * Makes the function that follows key references (`env:NAME`, `file:PATH`, `keychain:NAME`, `client`). It reads
 * synchronously, so it is for start and reload, not for requests. No reason ever quotes a key.
 */
export function createKeyResolver({ env, baseFolder }: KeyResolverOptions): KeyResolver {
  return (reference) => {
    if (reference === 'client') return { state: 'from-client' };
    const [kind, name] = split(reference);
    switch (kind) {
      case 'env':
        return fromEnvironment(name, env);
      case 'file':
        return fromFile(name, baseFolder);
      case 'keychain':
        return missing(
          `keychain:${name} cannot be read, because this version does not use the system keychain yet. Use env:NAME or file:PATH.`,
        );
      default:
        return missing('the reference is none of env:NAME, file:PATH, keychain:NAME and client.');
    }
  };
}

function split(reference: string): [kind: string, name: string] {
  const colon = reference.indexOf(':');
  return [reference.slice(0, colon), reference.slice(colon + 1)];
}

function missing(reason: string): KeyState {
  return { state: 'missing', reason };
}

function fromEnvironment(name: string, env: NodeJS.ProcessEnv): KeyState {
  const value = env[name];
  if (value === undefined || value.trim() === '')
    return missing(
      `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}. Set it where CProxy is started (an app started from a dock or menu does not see the variables of your shell), or use file:PATH.`,
    );
  return checked(value, `the environment variable ${name}`, null);
}

function fromFile(name: string, baseFolder: string): KeyState {
  const file = path.resolve(
    baseFolder,
    name.replace(/^~(?=$|[/\\])/, () => homedir()),
  );
  try {
    const stats = statSync(file);
    if (!stats.isFile()) return missing(`${file} is not a file.`);
    if (stats.size > largestKeyFile) return missing(`${file} is too large for a key.`);
    // Not refused: mounted secrets (Kubernetes, Docker) are readable by all of their container.
    const open = process.platform !== 'win32' && (stats.mode & 0o077) !== 0;
    const warning = open
      ? `The key file ${file} can be read by other users of this machine; close it with \`chmod 600\`.`
      : null;
    return checked(readFileSync(file, 'utf8'), `the file ${file}`, warning);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return missing(code === 'ENOENT' ? `there is no file ${file}.` : `${file} cannot be read: ${message}`);
  }
}

function checked(text: string, where: string, warning: string | null): KeyState {
  const value = text.trim();
  if (value === '') return missing(`${where} is empty.`);
  if (value.startsWith('cpx_'))
    return missing(`${where} holds a client token of CProxy, not a key of the provider. Put the provider's key there.`);
  if (/^(["']).*\1$/s.test(value)) return missing(`the key in ${where} is wrapped in quotes. Remove them.`);
  if (!/^[\x21-\x7e]+$/.test(value))
    return missing(
      `${where} holds more than a key: there are spaces, line breaks or other characters in it that no key has.`,
    );
  return { state: 'present', value, warning };
}
