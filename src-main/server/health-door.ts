import type { FastifyInstance } from 'fastify';
import type { EngineStatus, HealthView } from '../../src-shared/control.ts';

type Known = Pick<EngineStatus, 'state' | 'version' | 'pid' | 'startedAt'> & {
  /** Of each provider that is enabled. */
  providers: readonly HealthView['state'][];
};

/** `/health`, `/health/ready` and `/`: for anyone on loopback, without secrets. */
export function registerHealthDoor(server: FastifyInstance, known: () => Known): void {
  const report = () => {
    const { state, version, pid, startedAt, providers } = known();
    const count = (wanted: HealthView['state']): number => providers.filter((one) => one === wanted).length;
    const counts = {
      healthy: count('healthy'),
      degraded: count('degraded'),
      down: count('down'),
      unknown: count('unknown'),
    };
    const health =
      providers.length > 0 && counts.down === providers.length
        ? 'down'
        : counts.down + counts.degraded > 0
          ? 'degraded'
          : 'healthy';
    const uptimeSeconds = Math.floor((Date.now() - startedAt) / 1000);
    return { name: 'cproxy', version, state, pid, uptimeSeconds, health, providers: counts };
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
