import { describe, expect, it } from 'vitest';
import { baseUrlAdvice, joinBaseUrl, tidyBaseUrl } from '../../../src-main/providers/base-url.ts';

describe('a path below a base URL', () => {
  it.each([
    ['https://api.openai.com', '/responses', 'https://api.openai.com/v1/responses'],
    ['https://api.openai.com/', '/responses', 'https://api.openai.com/v1/responses'],
    ['https://api.openai.com/v1', '/responses', 'https://api.openai.com/v1/responses'],
    ['https://openrouter.ai/api', '/messages?beta=true', 'https://openrouter.ai/api/v1/messages?beta=true'],
    ['https://openrouter.ai/api/v1/', '/messages', 'https://openrouter.ai/api/v1/messages'],
    [
      'https://api.z.ai/api/coding/paas/v4',
      '/chat/completions',
      'https://api.z.ai/api/coding/paas/v4/chat/completions',
    ],
    [
      'https://generativelanguage.googleapis.com/v1beta/openai/',
      '/chat/completions',
      'https://generativelanguage.googleapis.com/v1beta/openai/chat/completions',
    ],
    ['https://api.fireworks.ai/inference', '/messages', 'https://api.fireworks.ai/inference/v1/messages'],
    ['http://127.0.0.1:11434', '//api/chat', 'http://127.0.0.1:11434/api/chat'],
    ['http://127.0.0.1:11434/', '//api/chat', 'http://127.0.0.1:11434/api/chat'],
    ['http://127.0.0.1:11434/v1', '//api/chat', 'http://127.0.0.1:11434/api/chat'],
    ['https://example.com/ollama/', '//api/chat', 'https://example.com/ollama/api/chat'],
    ['https://example.com/v2/ollama', '//api/chat', 'https://example.com/v2/ollama/api/chat'],
  ])('%s + %s', (base, path, joined) => {
    expect(joinBaseUrl(new URL(base), path).href).toBe(joined);
  });
});

describe('a base URL that has too much', () => {
  it.each([
    ['https://api.openai.com/v1/chat/completions', 'https://api.openai.com/v1'],
    ['https://api.openai.com/v1/responses/', 'https://api.openai.com/v1'],
    ['https://api.anthropic.com/v1/messages', 'https://api.anthropic.com/v1'],
    ['https://api.example.com/v1/v1', 'https://api.example.com/v1'],
    ['https://api.example.com/v1/v1/', 'https://api.example.com/v1'],
    ['https://api.z.ai/api/paas/v4/chat/completions', 'https://api.z.ai/api/paas/v4'],
    ['https://api.openai.com/v1/models', 'https://api.openai.com/v1'],
    ['http://127.0.0.1:11434/api/chat', 'http://127.0.0.1:11434/'],
    ['https://example.com/ollama/api/tags', 'https://example.com/ollama'],
  ])('%s is taken for %s, and its user is told', (written, tidy) => {
    expect(tidyBaseUrl(new URL(written)).href).toBe(tidy);
    expect(baseUrlAdvice(new URL(written))).toContain(`taken for ${tidy},`);
  });

  it.each([
    'https://api.openai.com',
    'https://api.openai.com/',
    'https://openrouter.ai/api/v1/',
    'https://x.services.ai.azure.com/models',
    'https://gateway.example.com/v1/openai/v1',
    'https://example.com/messages/v1',
  ])('is none of these: %s', (written) => {
    expect(baseUrlAdvice(new URL(written))).toBeNull();
  });
});
