import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { projectFolder } from '../../scripts/lib/project.ts';
import { noBackground } from '../helpers/no-background.ts';
import { waitUntil } from '../helpers/wait-until.ts';

// Elsewhere there always is a display.
const elsewhere = process.platform !== 'linux';

describe.skipIf(elsewhere)(`npm start without a display${elsewhere ? ' [SKIPPED: only on Linux]' : ''}`, () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'cproxy-start-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const start = (...flags: string[]) => {
    const child = spawn('npm', ['start', '--', ...flags], {
      cwd: projectFolder,
      env: { ...noBackground, PATH: process.env.PATH, HOME: home, CPROXY_HOME: path.join(home, 'cproxy') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    return { child, output: () => output };
  };

  it('serves at once, says why there is no window, and stops cleanly', async () => {
    const { child, output } = start('--port', '0');
    const url = await waitUntil(
      'the endpoint',
      () => output().match(/listens at (http:\/\/127\.0\.0\.1:\d+)/)?.[1],
      30_000,
    );
    expect(output()).toContain('there is no display');
    const token = output().match(/ANTHROPIC_AUTH_TOKEN=(\S+)/)?.[1] ?? '';
    const answer = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    child.kill('SIGTERM');
    // npm itself ends before what it has started.
    await waitUntil('the end of the engine', () =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      ),
    );
  });

  it('keeps the exit code of a start that fails', async () => {
    const { child, output } = start('--config', '/nowhere/config.yaml');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(1);
    expect(output()).toContain('/nowhere/config.yaml');
  });

  it('leaves what an engine that runs already may still load', async () => {
    const part = path.join(projectFolder, 'dist/main/part-of-an-earlier-build.js');
    await writeFile(part, '');
    try {
      const { child } = start('--config', '/nowhere/config.yaml');
      await once(child, 'exit');
      await access(part);
    } finally {
      await rm(part, { force: true });
    }
  });
});
