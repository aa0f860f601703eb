/** A process that tries for the lock of the folder in its argument when it is told to, and holds what it gets. */
import { acquireLock } from '../../../src-main/config/lock-file.ts';

const [folder = ''] = process.argv.slice(2);
process.on('message', () => {
  acquireLock(folder, { host: 'headless' }).then(
    () => process.send?.('won'),
    (error: Error) => process.send?.(error.name),
  );
});
process.send?.('ready');
