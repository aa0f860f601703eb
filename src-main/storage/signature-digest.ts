/** Up to this length every character counts. */
const WHOLE = 192;
const SAMPLES = 128;
const ENDING = 64;

/**
 * A number of 53 bits that stands for a signature. Signatures are ciphertexts and digests in base64: no two are alike in
 * many places, so of a long one its length, its end and 128 places in between tell it from any other. To read all of one takes
 * longer than everything else that is done with it. Never 0.
 */
export function signatureDigest(signature: string): number {
  const { length } = signature;
  let high = 0x811c9dc5 ^ length;
  let low = 0x9747b28c;
  const take = (code: number): void => {
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995);
    low ^= low >>> 15;
  };
  if (length <= WHOLE) {
    for (let index = 0; index < length; index++) take(signature.charCodeAt(index));
  } else {
    const step = (length - ENDING) / SAMPLES;
    for (let sample = 0; sample < SAMPLES; sample++) take(signature.charCodeAt(Math.trunc(sample * step)));
    for (let index = length - ENDING; index < length; index++) take(signature.charCodeAt(index));
  }
  return mixed(high) * 0x20_0000 + (mixed(low ^ high) >>> 11) || 1;
}

/** Every bit of the result depends on every bit of the number (the last step of MurmurHash3, public domain). */
function mixed(number: number): number {
  let bits = number;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
