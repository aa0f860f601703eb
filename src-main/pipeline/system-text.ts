import type { Config } from '../../src-shared/config.ts';
import type { RequestClass } from '../../src-shared/rules.ts';
import type { Plan } from '../routing/plan.ts';
import type { RequestContext } from './context.ts';
import { isFirstTurn, isNamedByHeader } from './conversation.ts';
import type { ConversationNotes } from './reasoning-memory.ts';

/** Requests of a client's session that are no part of its conversation, and have another prompt. */
const BESIDE: ReadonlySet<RequestClass> = new Set(['background', 'web-search', 'title', 'classifier']);

/** For a configuration that wants a text and forbids to remember it. */
export const NO_SYSTEM_TEXT =
  "No rule adds text to a system prompt (change.system) while conversations.keep is 'nothing': the later turns of a conversation could not be held to it.";

/** Whether some rule adds text. */
export function addsSystemText({ rules, routes }: Pick<Config['routing'], 'rules' | 'routes'>): boolean {
  const uses = [...rules.filter(({ enabled }) => enabled).map(({ use }) => use), ...Object.values(routes)];
  return uses.some((use) => typeof use === 'object' && use.change?.system !== undefined);
}

/**
 * Decides what is added to the system prompt, before anybody is asked: what the rule said in the conversation's first turn,
 * whatever rules say by now, and nothing where it was begun without. Vendors cache a conversation by its prompt and sign the
 * thinking in it together with that: another prompt would make it dear, or refused.
 *
 * @param notes null where nothing may be remembered: then nothing is ever added, since the next turn could not be held to it.
 */
export async function settleSystemText(
  context: RequestContext,
  plan: Plan,
  notes: ConversationNotes | null,
): Promise<void> {
  const wanted = plan.targets[0]?.changes?.system ?? null;
  if (notes === null) {
    if (wanted !== null)
      tell(
        context,
        "system text left out: it could not be kept for the next turns, as conversations.keep is 'nothing'",
      );
    return;
  }
  const reading = notes.ready();
  if (reading !== null) await reading;
  if (wanted === null && !notes.holdTexts) return;
  const conversation = context.conversationIfAny();
  if (conversation === null) return;
  const { request, facts, isCount } = context;
  const isBeside = BESIDE.has(facts.class);
  const name = isBeside ? `${conversation}/${facts.class}` : conversation;
  const kept = notes.get(name)?.system ?? null;
  // A session has one conversation, of which side requests may look like the beginning. An opening can come again.
  const isOne = isNamedByHeader(request) && !isBeside;
  if (kept !== null && isOne) {
    hold(context, kept, wanted);
    return;
  }
  if (!isFirstTurn(request.body.decode())) {
    hold(context, kept, wanted);
    return;
  }
  context.systemText = wanted;
  if (!isCount && wanted !== kept) notes.put(name, { system: wanted });
}

/** A later turn has what the first one had. */
function hold(context: RequestContext, kept: string | null, wanted: string | null): void {
  context.systemText = kept;
  if (kept === wanted) return;
  tell(
    context,
    kept === null
      ? 'system text left out: the conversation was begun without it'
      : "system text: that of the conversation's first turn, not what rules say by now",
  );
}

function tell({ row }: RequestContext, detail: string): void {
  row.trace.push({ step: 'changes', detail });
}
