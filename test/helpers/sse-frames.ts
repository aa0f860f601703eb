import { type SseFrame, SseParser } from '../../src-main/protocols/sse.ts';

/** The frames of a whole `text/event-stream`. */
export function sseFrames(text: string): SseFrame[] {
  const parser = new SseParser();
  return [...parser.push(Buffer.from(text)), ...parser.end()];
}

/**
 * The events of a stream whose frames all have a type, as official clients read them.
 * @throws Error where the `event:` line is missing or differs from `type`.
 */
export function typedEvents<Event extends { type: string }>(text: string): Event[] {
  return sseFrames(text).map(({ event, data }) => {
    const value = JSON.parse(data) as Event;
    if (event !== value.type) throw new Error(`the frame's event line says '${event}', its data '${value.type}'`);
    return value;
  });
}
