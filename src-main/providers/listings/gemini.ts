import type { ModelListing } from '../model-listing.ts';
import { listOpenaiModels } from './openai.ts';

/**
 * The list of Gemini's OpenAI-compatible surface, whose ids are written `models/gemini-…` and asked for without that. It tells
 * names alone; windows and abilities are the catalogue's.
 */
export const listGeminiModels: ModelListing = async (server, signal) =>
  (await listOpenaiModels(server, signal)).map((model) => ({ ...model, id: model.id.replace(/^models\//, '') }));
