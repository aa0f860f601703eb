/**
 * Vendors by name: what stands for a type and an address, so that a provider needs no more than `type: deepseek` and a key.
 * Data alone: what their servers want and refuse is known by their address (src-main/providers/known-servers.ts).
 */
export interface Preset {
  /** Shown to people. */
  name: string;
  type: 'openai-compatible' | 'anthropic-compatible' | 'openai';
  /** null: each customer has an address of their own. */
  baseUrl: string | null;
  /** Where customers have addresses of their own: the ends of host names that are this vendor's alone. */
  hosts?: readonly string[];
  /** Where the API stands at such an address, for those who write the address alone. */
  path?: string;
  /** The variable in which people usually keep its key. */
  keyVariable: string;
  /** The variable is set for other ends too, so that it alone is no wish for a provider. */
  isVariableShared?: true;
  /** How its keys begin, where they all do. */
  keyPrefix?: string;
  /** The page where keys are made. */
  keyPage?: string;
  /** The header that carries a key, where it is not `Authorization: Bearer`. */
  keyHeader?: 'api-key';
}

const table = {
  deepseek: {
    name: 'DeepSeek',
    type: 'openai-compatible',
    baseUrl: 'https://api.deepseek.com',
    keyVariable: 'DEEPSEEK_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://platform.deepseek.com/api_keys',
  },
  kimi: {
    name: 'Kimi (Moonshot AI)',
    type: 'openai-compatible',
    baseUrl: 'https://api.moonshot.ai/v1',
    keyVariable: 'MOONSHOT_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://platform.moonshot.ai/console/api-keys',
  },
  'kimi-cn': {
    name: 'Kimi (Moonshot AI, China)',
    type: 'openai-compatible',
    baseUrl: 'https://api.moonshot.cn/v1',
    keyVariable: 'MOONSHOT_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://platform.moonshot.cn/console/api-keys',
  },
  // Serves none but coding agents that it knows, by their User-Agent (MoonshotAI/kimi-cli issue 2322). In this dialect Claude
  // Code's own requests pass through with theirs; what is translated is CProxy's, says so, and is refused.
  'kimi-coding': {
    name: 'Kimi for Coding',
    type: 'anthropic-compatible',
    baseUrl: 'https://api.kimi.com/coding',
    keyVariable: 'KIMI_API_KEY',
    keyPrefix: 'sk-kimi-',
    keyPage: 'https://www.kimi.com/code',
  },
  glm: {
    name: 'GLM (Z.ai)',
    type: 'openai-compatible',
    baseUrl: 'https://api.z.ai/api/paas/v4',
    keyVariable: 'ZAI_API_KEY',
    keyPage: 'https://z.ai/manage-apikey/apikey-list',
  },
  'glm-coding': {
    name: 'GLM Coding Plan (Z.ai)',
    type: 'openai-compatible',
    baseUrl: 'https://api.z.ai/api/coding/paas/v4',
    keyVariable: 'ZAI_API_KEY',
    keyPage: 'https://z.ai/manage-apikey/apikey-list',
  },
  'glm-cn': {
    name: 'GLM (Zhipu, China)',
    type: 'openai-compatible',
    baseUrl: 'https://open.bigmodel.cn/api/paas/v4',
    keyVariable: 'ZHIPUAI_API_KEY',
    keyPage: 'https://open.bigmodel.cn/usercenter/apikeys',
  },
  'glm-coding-cn': {
    name: 'GLM Coding Plan (Zhipu, China)',
    type: 'openai-compatible',
    baseUrl: 'https://open.bigmodel.cn/api/coding/paas/v4',
    keyVariable: 'ZHIPUAI_API_KEY',
    keyPage: 'https://bigmodel.cn/coding-plan/personal/overview',
  },
  // Thinking has to come back whole (platform.minimax.io, "Compatible Anthropic API"); in their Chat Completions it stands in
  // the text, which loses it.
  minimax: {
    name: 'MiniMax',
    type: 'anthropic-compatible',
    baseUrl: 'https://api.minimax.io/anthropic',
    keyVariable: 'MINIMAX_API_KEY',
    keyPage: 'https://platform.minimax.io/user-center/basic-information/interface-key',
  },
  'minimax-cn': {
    name: 'MiniMax (China)',
    type: 'anthropic-compatible',
    baseUrl: 'https://api.minimaxi.com/anthropic',
    keyVariable: 'MINIMAX_CN_API_KEY',
    keyPage: 'https://platform.minimaxi.com/user-center/basic-information/interface-key',
  },
  qwen: {
    name: 'Qwen (Alibaba Cloud)',
    type: 'openai-compatible',
    baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    keyVariable: 'DASHSCOPE_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://modelstudio.console.alibabacloud.com',
  },
  'qwen-cn': {
    name: 'Qwen (Alibaba Cloud, China)',
    type: 'openai-compatible',
    baseUrl: 'https://dashscope.aliyuncs.com/compatible-mode/v1',
    keyVariable: 'DASHSCOPE_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://bailian.console.aliyun.com',
  },
  'qwen-coding': {
    name: 'Qwen Coding Plan (Alibaba Cloud)',
    type: 'openai-compatible',
    baseUrl: 'https://coding-intl.dashscope.aliyuncs.com/v1',
    keyVariable: 'BAILIAN_CODING_PLAN_API_KEY',
    keyPrefix: 'sk-sp-',
    keyPage: 'https://modelstudio.console.alibabacloud.com',
  },
  'qwen-coding-cn': {
    name: 'Qwen Coding Plan (Alibaba Cloud, China)',
    type: 'openai-compatible',
    baseUrl: 'https://coding.dashscope.aliyuncs.com/v1',
    keyVariable: 'BAILIAN_CODING_PLAN_API_KEY',
    keyPrefix: 'sk-sp-',
    keyPage: 'https://bailian.console.aliyun.com',
  },
  'qwen-token-plan': {
    name: 'Qwen Token Plan (Alibaba Cloud)',
    type: 'openai-compatible',
    baseUrl: 'https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1',
    keyVariable: 'BAILIAN_TOKEN_PLAN_API_KEY',
    keyPage: 'https://modelstudio.console.alibabacloud.com',
  },
  'qwen-token-plan-cn': {
    name: 'Qwen Token Plan (Alibaba Cloud, China)',
    type: 'openai-compatible',
    baseUrl: 'https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1',
    keyVariable: 'BAILIAN_TOKEN_PLAN_API_KEY',
    keyPage: 'https://bailian.console.aliyun.com',
  },
  mistral: {
    name: 'Mistral',
    type: 'openai-compatible',
    baseUrl: 'https://api.mistral.ai/v1',
    keyVariable: 'MISTRAL_API_KEY',
    keyPage: 'https://console.mistral.ai/api-keys',
  },
  groq: {
    name: 'Groq',
    type: 'openai-compatible',
    baseUrl: 'https://api.groq.com/openai/v1',
    keyVariable: 'GROQ_API_KEY',
    keyPrefix: 'gsk_',
    keyPage: 'https://console.groq.com/keys',
  },
  xai: {
    name: 'xAI',
    type: 'openai-compatible',
    baseUrl: 'https://api.x.ai/v1',
    keyVariable: 'XAI_API_KEY',
    keyPrefix: 'xai-',
    keyPage: 'https://console.x.ai',
  },
  together: {
    name: 'Together',
    type: 'openai-compatible',
    baseUrl: 'https://api.together.ai/v1',
    keyVariable: 'TOGETHER_API_KEY',
    keyPage: 'https://api.together.ai/settings/api-keys',
  },
  fireworks: {
    name: 'Fireworks',
    type: 'openai-compatible',
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    keyVariable: 'FIREWORKS_API_KEY',
    keyPage: 'https://app.fireworks.ai/settings/users/api-keys',
  },
  cerebras: {
    name: 'Cerebras',
    type: 'openai-compatible',
    baseUrl: 'https://api.cerebras.ai/v1',
    keyVariable: 'CEREBRAS_API_KEY',
    keyPrefix: 'csk-',
    keyPage: 'https://cloud.cerebras.ai',
  },
  nvidia: {
    name: 'NVIDIA',
    type: 'openai-compatible',
    baseUrl: 'https://integrate.api.nvidia.com/v1',
    keyVariable: 'NVIDIA_API_KEY',
    keyPrefix: 'nvapi-',
    keyPage: 'https://build.nvidia.com/settings/api-keys',
  },
  siliconflow: {
    name: 'SiliconFlow',
    type: 'openai-compatible',
    baseUrl: 'https://api.siliconflow.com/v1',
    keyVariable: 'SILICONFLOW_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://cloud.siliconflow.com/account/ak',
  },
  'siliconflow-cn': {
    name: 'SiliconFlow (China)',
    type: 'openai-compatible',
    baseUrl: 'https://api.siliconflow.cn/v1',
    keyVariable: 'SILICONFLOW_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://cloud.siliconflow.cn/account/ak',
  },
  huggingface: {
    name: 'Hugging Face',
    type: 'openai-compatible',
    baseUrl: 'https://router.huggingface.co/v1',
    keyVariable: 'HF_TOKEN',
    isVariableShared: true,
    keyPrefix: 'hf_',
    keyPage: 'https://huggingface.co/settings/tokens',
  },
  vercel: {
    name: 'Vercel AI Gateway',
    type: 'openai-compatible',
    baseUrl: 'https://ai-gateway.vercel.sh/v1',
    keyVariable: 'AI_GATEWAY_API_KEY',
    keyPage: 'https://vercel.com/docs/ai-gateway',
  },
  xiaomi: {
    name: 'Xiaomi MiMo',
    type: 'openai-compatible',
    baseUrl: 'https://api.xiaomimimo.com/v1',
    keyVariable: 'XIAOMI_API_KEY',
    keyPage: 'https://platform.xiaomimimo.com',
  },
  meta: {
    name: 'Meta',
    type: 'openai-compatible',
    baseUrl: 'https://api.meta.ai/v1',
    keyVariable: 'META_API_KEY',
    keyPage: 'https://dev.meta.ai',
  },
  'azure-openai': {
    name: 'Azure OpenAI',
    type: 'openai',
    // https://RESOURCE.openai.azure.com/openai/v1 (Azure's docs, "API version lifecycle"); models are named as they were deployed.
    baseUrl: null,
    hosts: ['.openai.azure.com', '.services.ai.azure.com'],
    path: '/openai/v1',
    keyVariable: 'AZURE_OPENAI_API_KEY',
    keyPage: 'https://portal.azure.com',
    keyHeader: 'api-key',
  },
} satisfies Record<string, Preset>;

export type PresetId = keyof typeof table;
export const presets: Readonly<Record<PresetId, Preset>> = table;
export const presetIds = Object.keys(table) as PresetId[];
