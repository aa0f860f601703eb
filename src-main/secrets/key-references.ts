import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { ProxyError } from '../../src-shared/errors.ts';
import type { KeyQuestion, KeyState, ResolveKey } from '../../src-shared/keys.ts';
import { keyProblem, prefixWarning } from './key-text.ts';
import type { SecretStore, StoredKey } from './secret-store.ts';

interface KeyResolverOptions {
  env: NodeJS.ProcessEnv;
  /** Folder that relative `file:` references start from: that of the configuration file. */
  baseFolder: string;
  store: SecretStore;
  /** Whether CProxy was started from a dock, a menu or by a service, and not from a shell. */
  outsideShell: boolean;
}

/** Longer files are not keys; they are not read. */
const LARGEST_FILE = 64 * 1024;

/**
 * Makes the function that follows key references (`env:NAME`, `file:PATH`, `keychain:NAME`, `client`). Where none is given, it
 * looks for the key that was stored for the provider's id, then in its vendor's usual variable. No reason ever quotes a key.
 */
export function createKeyResolver(options: KeyResolverOptions): ResolveKey {
  return async (question) => {
    const { reference } = question;
    if (reference === null) return unnamed(question, options);
    if (reference === 'client') return { state: 'from-client' };
    const [kind, name] = split(reference);
    switch (kind) {
      case 'env':
        return fromEnvironment(name, question, options);
      case 'file':
        return fromFile(name, question, options);
      case 'keychain':
        return fromStore(name, question, options);
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

async function unnamed(question: KeyQuestion, options: KeyResolverOptions): Promise<KeyState> {
  const { provider, usualVariable, origin } = question;
  const stored = await lookUp(provider, options.store);
  if (stored.found?.origin === origin)
    return checked(stored.found.key, `keychain:${provider}`, question, options.store.place);
  // Where there is no keychain, most people need none.
  const trouble = stored.found === null ? stored.trouble : boundElsewhere(provider, stored.found, question);
  const isSet = usualVariable !== null && (options.env[usualVariable]?.trim() ?? '') !== '';
  if (isSet) {
    const key = fromEnvironment(usualVariable, question, options);
    return key.state === 'present' && stored.found !== null
      ? { ...key, warning: key.warning ?? `${usualVariable} is used for provider '${provider}', since ${trouble}` }
      : key;
  }
  const orVariable = usualVariable === null ? '' : `, or set ${usualVariable} where CProxy is started`;
  const advice = `none is configured. \`cproxy keys set ${provider}\` stores one${orVariable}.`;
  return missing(trouble === null ? advice : `${advice} (${trouble})`);
}

async function fromStore(name: string, question: KeyQuestion, { store }: KeyResolverOptions): Promise<KeyState> {
  const { found, trouble } = await lookUp(name, store);
  if (found === null)
    return missing(
      trouble ?? `${store.place} has no key '${name}'. \`cproxy keys set ${setArguments(name, question)}\` stores one.`,
    );
  if (found.origin !== question.origin) return missing(boundElsewhere(name, found, question));
  return checked(found.key, `keychain:${name}`, question, store.place);
}

async function lookUp(name: string, store: SecretStore): Promise<{ found: StoredKey | null; trouble: string | null }> {
  try {
    return { found: await store.get(name), trouble: null };
  } catch (error) {
    if (error instanceof ProxyError) return { found: null, trouble: error.message };
    throw error;
  }
}

/** An edited or pasted configuration must not carry a stored key to another address. */
function boundElsewhere(name: string, { origin }: StoredKey, question: KeyQuestion): string {
  return `the stored key '${name}' is for ${origin} and is not sent to ${question.origin}. If it is meant for that too, run \`cproxy keys set ${setArguments(name, question)}\`.`;
}

function setArguments(name: string, { provider }: KeyQuestion): string {
  return name === provider ? provider : `${provider} --name ${name}`;
}

function fromEnvironment(name: string, question: KeyQuestion, { env, outsideShell }: KeyResolverOptions): KeyState {
  const value = env[name];
  if (value === undefined || value.trim() === '') {
    const how = outsideShell
      ? 'CProxy was not started from a shell here, so it does not see the variables that your shell sets'
      : 'Set it in the shell that starts CProxy';
    return missing(
      `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}. ${how}; \`cproxy keys set ${question.provider}\` or file:PATH work wherever it is started.`,
    );
  }
  return checked(value, `env:${name}`, question, `the environment variable ${name}`);
}

async function fromFile(name: string, question: KeyQuestion, { baseFolder }: KeyResolverOptions): Promise<KeyState> {
  const file = path.resolve(
    baseFolder,
    name.replace(/^~(?=$|[/\\])/, () => homedir()),
  );
  try {
    const stats = await stat(file);
    if (!stats.isFile()) return missing(`${file} is not a file.`);
    if (stats.size > LARGEST_FILE) return missing(`${file} is too large for a key.`);
    const key = checked(await readFile(file, 'utf8'), `file:${name}`, question, `the file ${file}`);
    // Not refused: mounted secrets (Kubernetes, Docker) are readable by all of their container.
    const open = process.platform !== 'win32' && (stats.mode & 0o077) !== 0;
    if (key.state !== 'present' || !open) return key;
    return {
      ...key,
      warning: `The key file ${file} can be read by other users of this machine; close it with \`chmod 600\`.`,
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return missing(code === 'ENOENT' ? `there is no file ${file}.` : `${file} cannot be read: ${message}`);
  }
}

function checked(text: string, reference: string, { provider, prefix }: KeyQuestion, where: string): KeyState {
  const value = text.trim();
  const problem = keyProblem(value, where);
  if (problem !== null) return missing(problem);
  const warning = prefixWarning(value, prefix, where);
  return {
    state: 'present',
    value,
    reference,
    warning: warning === null ? null : `Provider '${provider}': ${warning}`,
  };
}
