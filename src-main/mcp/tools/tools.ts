import { batchStatus } from './batch-status.ts';
import { compareModels } from './compare-models.ts';
import { countTokens } from './count-tokens.ts';
import { enableProvider } from './enable-provider.ts';
import { explainRoute } from './explain-route.ts';
import { listModels } from './list-models.ts';
import { listProviders } from './list-providers.ts';
import { providerHealth } from './provider-health.ts';
import { proxyCompletion } from './proxy-completion.ts';
import { recentRequests } from './recent-requests.ts';
import { resetBreaker } from './reset-breaker.ts';
import { setDefaultModel } from './set-default-model.ts';
import { setRoute } from './set-route.ts';
import { submitBatch } from './submit-batch.ts';
import { testProvider } from './test-provider.ts';
import type { Tool } from './tool.ts';
import { usageReport } from './usage-report.ts';

/** All tools, in the order in which they are listed. */
export const tools: readonly Tool[] = [
  proxyCompletion,
  compareModels,
  listModels,
  listProviders,
  providerHealth,
  testProvider,
  explainRoute,
  recentRequests,
  usageReport,
  countTokens,
  submitBatch,
  batchStatus,
  setRoute,
  setDefaultModel,
  enableProvider,
  resetBreaker,
];
