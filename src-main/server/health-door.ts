import type { FastifyInstance } from 'fastify';
import type { EngineStatus } from '../../src-shared/control.ts';

/** `/health`, `/health/ready` and `/`: for anyone on loopback, without secrets. */
export function registerHealthDoor(
  server: FastifyInstance,
  status: () => Pick<EngineStatus, 'state' | 'version' | 'pid' | 'startedAt'>,
): void {
  const report = () => {
    const { state, version, pid, startedAt } = status();
    return { name: 'cproxy', version, state, pid, uptimeSeconds: Math.floor((Date.now() - startedAt) / 1000) };
  };

  server.get('/health', async () => report());

  server.get('/health/ready', async (_request, reply) => {
    const health = report();
    return reply.code(health.state === 'running' ? 200 : 503).send(health);
  });

  server.get('/', async (_request, reply) =>
    reply
      .type('text/plain; charset=utf-8')
      .send(
        `CProxy ${report().version} is ${report().state}. Point clients here; GET /health for its state, /ui/ for its pages.\n`,
      ),
  );
}
