import type { FastifyInstance } from 'fastify';

/** `GET /metrics`, for Prometheus with a client token. */
export function registerMetricsDoor(
  server: FastifyInstance,
  metrics: () => Promise<{ contentType: string; text: string }>,
): void {
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.type(contentType).send(text);
  });
}
