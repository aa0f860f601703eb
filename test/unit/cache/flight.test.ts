import { describe, expect, it } from 'vitest';
import { Flight } from '../../../src-main/cache/flight.ts';
import { Answer } from '../../../src-main/pipeline/answer.ts';
import { RequestContext } from '../../../src-main/pipeline/context.ts';
import { anthropicClientCodec } from '../../../src-main/protocols/anthropic/client-codec.ts';
import { RequestBody } from '../../../src-main/protocols/request-body.ts';
import { factWorld } from '../../helpers/routing.ts';

const times = { holdMs: 60_000, pingMs: 60_000 };

/** A client that takes so many writes before it must be waited for. */
function client(writesAtOnce = Infinity) {
  const left = new AbortController();
  const context = new RequestContext(
    {
      id: 'req_1',
      codec: anthropicClientCodec,
      path: '/v1/messages',
      query: '',
      rawHeaders: [],
      header: () => null,
      body: new RequestBody(Buffer.from('{"model":"m","messages":[]}')),
      clientCredentials: [],
      client: null,
      signal: left.signal,
      arrivedAt: performance.now(),
    },
    factWorld,
  );
  const got: string[] = [];
  let state: 'open' | 'ended' | 'abandoned' = 'open';
  let drained: (() => void) | null = null;
  let room = writesAtOnce;
  const answer = new Answer(
    context,
    {
      begin: (status) => got.push(`${status}:`),
      write: (bytes) => {
        got.push(bytes.toString());
        room -= 1;
        return room > 0;
      },
      onDrain: (callback) => {
        drained = callback;
      },
      end: () => {
        state = 'ended';
      },
      abandon: () => {
        state = 'abandoned';
      },
      onClosed: (callback) => callback(),
    },
    times,
    () => undefined,
  );
  return {
    answer,
    signal: left.signal,
    leave: () => left.abort(),
    text: () => got.join(''),
    state: () => state,
    read() {
      room = writesAtOnce;
      const callback = drained;
      drained = null;
      callback?.();
    },
  };
}

const flightOf = (leader: Answer | null, limitBytes = 1_000) => {
  const flight = new Flight(leader, limitBytes, () => ({}));
  leader?.tap(flight);
  return flight;
};
const bytes = (text: string) => Buffer.from(text);

describe('an answer under way, for several', () => {
  it('is given to each from its beginning, as fast as each reads', async () => {
    const leader = client();
    const flight = flightOf(leader.answer);
    leader.answer.begin(200, {}, true);
    leader.answer.write(bytes('a'));
    const [fast, slow] = [client(), client(1)];
    const ends = [flight.join(fast.answer, true, fast.signal), flight.join(slow.answer, true, slow.signal)];
    leader.answer.write(bytes('b'));
    leader.answer.write(bytes('c'));
    leader.answer.end();
    flight.settle();
    expect([leader.text(), fast.text(), slow.text()]).toEqual(['200:abc', '200:abc', '200:a']);
    expect([fast.state(), slow.state()]).toEqual(['ended', 'open']);
    for (let times = 0; times < 3; times += 1) slow.read();
    expect(await Promise.all(ends)).toEqual(['given', 'given']);
    expect([slow.text(), slow.state()]).toEqual(['200:abc', 'ended']);
    expect(Buffer.from(flight.whole?.bytes ?? []).toString()).toBe('abc');
  });

  it('does not wait for the first while another reads', () => {
    const leader = client(1);
    const flight = flightOf(leader.answer);
    leader.answer.begin(200, {}, true);
    expect(leader.answer.write(bytes('a'))).toBe(false);
    let wentOn = false;
    leader.answer.onDrain(() => {
      wentOn = true;
    });
    const other = client();
    void flight.join(other.answer, true, other.signal);
    expect(wentOn).toBe(true);
    expect(leader.answer.write(bytes('b'))).toBe(true);
    expect(other.text()).toBe('200:ab');
  });

  it('goes on while one of them is there, and ends with the last', async () => {
    const leader = client();
    const flight = flightOf(leader.answer);
    const other = client();
    const end = flight.join(other.answer, true, other.signal);
    expect(flight.leaderLeft('gone')).toBe(true);
    expect(flight.signal.aborted).toBe(false);
    leader.answer.begin(200, {}, true);
    leader.answer.write(bytes('a'));
    expect([leader.text(), other.text()]).toEqual(['', '200:a']);
    other.leave();
    expect(await end).toBe('left');
    expect([flight.signal.aborted, flight.isOpen]).toEqual([true, false]);
  });

  it('holds no more than its bound, and takes nobody then: who lags that far behind is cut off', async () => {
    const leader = client();
    const flight = flightOf(leader.answer, 10);
    const [fast, slow] = [client(), client(1)];
    const ends = [flight.join(fast.answer, true, fast.signal), flight.join(slow.answer, true, slow.signal)];
    leader.answer.begin(200, {}, true);
    for (const text of ['0123', '4567', '89ab', 'cdef']) leader.answer.write(bytes(text));
    expect(flight.isOpen).toBe(false);
    leader.answer.end();
    flight.settle();
    expect(await Promise.all(ends)).toEqual(['given', 'cut']);
    expect([fast.text(), fast.state()]).toEqual(['200:0123456789abcdef', 'ended']);
    expect([slow.text(), slow.state()]).toEqual(['200:0123', 'abandoned']);
    expect(flight.whole).toBeNull();
  });

  it('is nothing where it fails before it begins, and cut where it breaks off later', async () => {
    const none = flightOf(client().answer);
    const first = client();
    const nothing = none.join(first.answer, true, first.signal);
    none.settle();
    expect([await nothing, first.text(), first.state()]).toEqual(['nothing', '', 'open']);
    const leader = client();
    const broken = flightOf(leader.answer);
    leader.answer.begin(200, {}, true);
    const second = client();
    const cut = broken.join(second.answer, true, second.signal);
    leader.answer.abandon();
    broken.settle();
    expect([await cut, broken.whole]).toEqual(['cut', null]);
  });
});
