import type { ControlClient } from './control-client.ts';
import { CommandError } from './exit-codes.ts';

/** @param which an id, or the beginning of one; `latest`, or `failed`. @throws CommandError where there is none such, or several */
export async function wholeId(client: ControlClient, which: string): Promise<string> {
  const found = await client.requests.explain({ id: which });
  if (found === null) throw new CommandError(`There is no request '${which}'. \`cproxy requests\` lists them.`);
  return found.request.id;
}
