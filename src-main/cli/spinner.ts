/** What takes less needs no word, in ms. */
const QUIET_MS = 300;
const FRAME_MS = 100;
const FRAMES = ['|', '/', '-', '\\'] as const;

export interface SpinnerOutput {
  isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/**
 * Waits for something, and says so while it takes long: with a mark that turns, where standard error is a terminal that can
 * take a line back, and not at all elsewhere.
 */
export async function whileWaiting<T>(
  text: string,
  action: Promise<T>,
  output: SpinnerOutput = process.stderr,
  env: NodeJS.ProcessEnv = process.env,
): Promise<T> {
  if (output.isTTY !== true || env.TERM === 'dumb' || env.CI !== undefined) return await action;
  const since = Date.now();
  let frame = 0;
  const timer = setInterval(() => {
    if (Date.now() - since < QUIET_MS) return;
    output.write(`\r${FRAMES[frame % FRAMES.length]} ${text} …`);
    frame += 1;
  }, FRAME_MS);
  try {
    return await action;
  } finally {
    clearInterval(timer);
    if (frame > 0) output.write('\r\u001b[2K');
  }
}
