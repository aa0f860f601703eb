import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const valueSchema = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.union([z.number(), z.string()]) }),
  z.strictObject({ doubleValue: z.number() }),
  z.strictObject({ arrayValue: z.object({ values: z.array(z.object({ stringValue: z.string() })) }) }),
]);
type Value = string | boolean | number | string[];

function read(value: z.output<typeof valueSchema>): Value {
  if ('stringValue' in value) return value.stringValue;
  if ('boolValue' in value) return value.boolValue;
  if ('intValue' in value) return Number(value.intValue);
  if ('doubleValue' in value) return value.doubleValue;
  return value.arrayValue.values.map(({ stringValue }) => stringValue);
}

const attributesSchema = z
  .array(z.object({ key: z.string(), value: valueSchema }))
  .transform((list): Record<string, Value> => Object.fromEntries(list.map(({ key, value }) => [key, read(value)])));
const resourceSchema = z.object({ attributes: attributesSchema });
/** Nanoseconds since 1970, as a text, to ms. */
const timeSchema = z.string().transform((nanoseconds) => Number(BigInt(nanoseconds) / 1000n) / 1000);

const spanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  /** 2: of a server, 3: of a client. */
  kind: z.number(),
  startTimeUnixNano: timeSchema,
  endTimeUnixNano: timeSchema,
  attributes: attributesSchema,
  /** 0: nothing to say, 2: an error. */
  status: z.object({ code: z.number() }),
});
const tracesSchema = z.object({
  resourceSpans: z.array(
    z.object({ resource: resourceSchema, scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })) }),
  ),
});

const pointSchema = z.object({
  attributes: attributesSchema,
  /** Of a histogram. */
  count: z.number().optional(),
  sum: z.number().optional(),
  explicitBounds: z.array(z.number()).optional(),
  /** Of a counter. */
  asDouble: z.number().optional(),
  asInt: z.number().optional(),
});
const pointsSchema = z.object({ dataPoints: z.array(pointSchema) });
const metricsSchema = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: resourceSchema,
      scopeMetrics: z.array(
        z.object({
          metrics: z.array(
            z.object({
              name: z.string(),
              unit: z.string(),
              histogram: pointsSchema.optional(),
              sum: pointsSchema.optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});

export type ReceivedSpan = z.output<typeof spanSchema>;
export type ReceivedPoint = z.output<typeof pointSchema>;
type Resource = z.output<typeof resourceSchema>;

export interface OtlpReceiver extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** All that has come and was taken, in its order. */
  readonly spans: readonly ReceivedSpan[];
  readonly resources: readonly Resource[];
  /** The points of a metric, as they came last. */
  points(name: string): readonly ReceivedPoint[];
  readonly metricNames: readonly string[];
  /** Each request, also those that were refused. */
  readonly requests: readonly { path: string; headers: IncomingHttpHeaders; text: string }[];
  /** From now on it answers so; `hang`: never. */
  answer(status: number | 'hang'): void;
  close(): Promise<void>;
  /** After `close`, on the same port. */
  reopen(): Promise<void>;
}

/** A collector on 127.0.0.1 that takes traces and metrics in OTLP over HTTP, as JSON, and reads them strictly. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const requests: { path: string; headers: IncomingHttpHeaders; text: string }[] = [];
  const spans: ReceivedSpan[] = [];
  const resources: Resource[] = [];
  const metrics = new Map<string, readonly ReceivedPoint[]>();
  let status: number | 'hang' = 200;

  const take = (path: string, body: unknown): void => {
    if (path === '/v1/traces') {
      for (const { resource, scopeSpans } of tracesSchema.parse(body).resourceSpans) {
        resources.push(resource);
        spans.push(...scopeSpans.flatMap((scope) => scope.spans));
      }
      return;
    }
    if (path !== '/v1/metrics') throw new Error(`nothing is taken at ${path}`);
    for (const { resource, scopeMetrics } of metricsSchema.parse(body).resourceMetrics) {
      resources.push(resource);
      for (const { name, histogram, sum } of scopeMetrics.flatMap((scope) => scope.metrics))
        metrics.set(name, histogram?.dataPoints ?? sum?.dataPoints ?? []);
    }
  };

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      const text = Buffer.concat(chunks).toString();
      const path = incoming.url ?? '';
      requests.push({ path, headers: incoming.headers, text });
      if (status === 'hang') return;
      if (status !== 200) {
        response.writeHead(status).end('the collector says: secret-of-the-collector');
        return;
      }
      try {
        take(path, JSON.parse(text));
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      } catch (error) {
        response.writeHead(400).end();
        // What cannot be read is a failure of the test that waits for it; here it is said why.
        process.stderr.write(`The collector cannot read ${path}: ${String(error)}\n`);
      }
    });
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    resources,
    requests,
    points: (name) => metrics.get(name) ?? [],
    get metricNames() {
      return [...metrics.keys()];
    },
    answer(next) {
      status = next;
    },
    close,
    reopen: () => listen(port),
    [Symbol.asyncDispose]: close,
  };
}
