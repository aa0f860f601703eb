import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SilenceTimer } from '../../../src-main/pipeline/silence-timer.ts';

/** The event loop stands still: time passes, and whatever was due comes once afterwards. */
function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('SilenceTimer', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells of a silence once, after so many ms without anything', () => {
    const onSilence = vi.fn();
    const timer = new SilenceTimer(800, onSilence);
    vi.advanceTimersByTime(799);
    timer.refresh();
    vi.advanceTimersByTime(799);
    expect(onSilence).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onSilence.mock.calls).toEqual([[800]]);
    vi.advanceTimersByTime(10_000);
    expect(onSilence).toHaveBeenCalledTimes(1);
  });

  it('begins anew with another patience, and after a pause', () => {
    const onSilence = vi.fn();
    const timer = new SilenceTimer(800, onSilence);
    vi.advanceTimersByTime(700);
    timer.change(1_600);
    vi.advanceTimersByTime(1_599);
    timer.stop();
    vi.advanceTimersByTime(60_000);
    timer.resume();
    vi.advanceTimersByTime(1_599);
    expect(onSilence).not.toHaveBeenCalled();
    timer.end();
    timer.resume();
    timer.refresh();
    vi.advanceTimersByTime(60_000);
    expect(onSilence).not.toHaveBeenCalled();
  });

  it('hears what arrived while the process itself stood still', async () => {
    vi.useRealTimers();
    const heard = Promise.withResolvers<string>();
    const timer = new SilenceTimer(200, () => heard.resolve('silence'));
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {
      timer.refresh();
      heard.resolve('an answer');
    };
    port1.postMessage('an answer');
    standStill(300);
    await expect(heard.promise).resolves.toBe('an answer');
    timer.end();
    port1.close();
    port2.close();
  });
});
