import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startDesktopApplication } from '../helpers/desktop-application.ts';
import { startDesktopSession } from '../helpers/desktop-session.ts';
import { desktopPrograms, requires } from '../helpers/missing-programs.ts';
import { question } from '../helpers/running-engine.ts';
import { say, startUpstream } from '../helpers/scriptable-upstream.ts';

const need = requires('electron', ...desktopPrograms);
const key = 'sk-keychain-canary-0123456789';

describe.skipIf(need.missing)(`the keychain in Electron${need.reason}`, () => {
  it('gives the application a key that was stored for that address', async () => {
    await using upstream = await startUpstream();
    upstream.script(() => say('hello'));
    await using session = await startDesktopSession();
    const home = path.join(session.home, 'cproxy');
    await mkdir(home, { recursive: true });
    await writeFile(
      path.join(home, 'config.json'),
      JSON.stringify({
        server: { auth: 'none' },
        providers: [{ id: 'p', type: 'openai-compatible', baseUrl: upstream.url, models: ['m'], key: 'keychain:mine' }],
      }),
    );
    const stored = JSON.stringify({ v: 1, key, origin: upstream.url });
    const attributes = ['service', 'cproxy', 'username', 'mine', 'target', 'default'];
    const { status } = spawnSync('secret-tool', ['store', '--label=cproxy', ...attributes], {
      env: session.env,
      input: stored,
    });
    expect(status).toBe(0);
    const running = await startDesktopApplication(session, home);
    try {
      const answer = await fetch(`${running.endpoint}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(question()),
      });
      expect(await answer.text()).toContain('hello');
      expect(upstream.asked[0]?.headers.authorization).toBe(`Bearer ${key}`);
      expect(running.output()).not.toContain(key);
      expect(await running.page.locator('body').textContent()).not.toContain(key);
    } finally {
      running.child.kill('SIGKILL');
      await running.ended;
    }
  });
});
