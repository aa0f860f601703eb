import type { FastifyInstance } from 'fastify';
import type { AdminSessions } from '../control/admin-sessions.ts';
import { registerApiRoutes } from '../control/api-routes.ts';
import type { ControlRouter } from '../control/control-router.ts';
import { registerUiRoutes } from '../control/ui-routes.ts';
import type { Logger } from '../observability/logger.ts';

export interface ControlDoorOptions {
  /**
   * Asked once, at the first call. Import control-router.ts there and not before: it brings oRPC (some 10 MB and 25 ms),
   * which an engine that nobody looks at need not spend.
   */
  router: () => ControlRouter | Promise<ControlRouter>;
  sessions: AdminSessions;
  /** Folder of the built renderer (dist/renderer); null where there is none. */
  uiFolder: string | null;
  /** Base URL of this engine, to be shown. */
  endpoint: () => string;
  logger: Logger;
}

/**
 * Opens `/api/` (the control API) and `/ui/` (the GUI for a browser). Everything there needs an admin session; client
 * tokens and `server.auth: none` are of no use. Call it before the server listens.
 */
export function registerControlDoor(server: FastifyInstance, options: ControlDoorOptions): void {
  registerApiRoutes(server, options);
  registerUiRoutes(server, options);
}
