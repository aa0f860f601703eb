const here = import.meta.url;

/** The file of a thread of this folder. Built, all programs lie in one folder; run from source, Node takes the types off. */
export function workerFile(name: string, folder = ''): URL {
  return here.endsWith('.ts') ? new URL(`./${folder}${name}.ts`, here) : new URL(`./${name}.js`, here);
}
