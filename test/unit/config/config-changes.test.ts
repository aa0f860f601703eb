import { expect, it } from 'vitest';
import { changesInWords } from '../../../src-main/config/config-changes.ts';
import { type ConfigInput, configSchema } from '../../../src-shared/config.ts';

const provider = (id: string, rest: object = {}) => ({ id, type: 'anthropic' as const, ...rest });
const rule = (id: string, target = 'a/m') => ({ id, when: { model: 'x' }, use: { targets: [target] } });
const changes = (before: ConfigInput, after: ConfigInput) =>
  changesInWords(configSchema.parse(before), configSchema.parse(after));

it('says nothing where all is the same', () => {
  expect(changes({ providers: [provider('a')] }, { providers: [provider('a', { priority: undefined })] })).toBe('');
});

it('names providers and rules by what has become of them, and settings by their names, and tells no values', () => {
  const secret = 'a-secret-of-a-gateway';
  const before: ConfigInput = {
    providers: [provider('a'), provider('b'), provider('c')],
    routing: { rules: [rule('r1'), rule('r2')] },
  };
  const after: ConfigInput = {
    providers: [provider('a', { headers: { 'x-key': secret } }), provider('d'), provider('e'), provider('c')],
    aliases: { mine: 'a/m' },
    routing: { rules: [rule('r2'), rule('r1', 'c/m')], retries: { rounds: 1 }, defaultProvider: 'a' },
    server: { port: 5000, auth: 'none' },
    logging: { level: 'debug' },
  };
  expect(changes(before, after)).toBe(
    'providers d, e added; provider a changed; provider b removed; rule r1 changed; the order of the rules; aliases; routing.retries; routing.defaultProvider; server.port; server.auth; logging.level',
  );
});

it('an added or removed rule is no other order', () => {
  const rules = (...ids: string[]): ConfigInput => ({ routing: { rules: ids.map((id) => rule(id)) } });
  expect(changes(rules('r1', 'r2'), rules('r0', 'r1', 'r2'))).toBe('rule r0 added');
  expect(changes(rules('r1', 'r2'), rules('r2'))).toBe('rule r1 removed');
  expect(changes(rules('r1', 'r2'), rules('r2', 'r1'))).toBe('the order of the rules');
});
