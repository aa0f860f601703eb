import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const engine = pathToFileURL(path.resolve(import.meta.dirname, '../../../src-main/engine.ts')).href;

it("an engine that nobody asks for MCP does not load MCP's SDK", () => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    await import(${JSON.stringify(engine)});
    console.log(JSON.stringify(loaded));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  expect(stdout, stderr).not.toBe('');
  const loaded: string[] = JSON.parse(stdout);
  expect(loaded).toContain(engine);
  expect(loaded.filter((url) => /modelcontextprotocol|\/ajv\/|src-main\/mcp\/(tools|http)\//.test(url))).toEqual([]);
});
