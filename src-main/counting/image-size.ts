export interface ImageSize {
  width: number;
  height: number;
}

/**
 * Width and height of a PNG, JPEG, GIF or WebP in base64, from its headers: of megabytes, some dozen bytes are decoded. Null for
 * what is none of these, or broken.
 */
export function imageSize(base64: string): ImageSize | null {
  const head = bytesAt(base64, 0, 30);
  const size =
    pngSize(head) ??
    gifSize(head) ??
    webpSize(head) ??
    (head[0] === 0xff && head[1] === 0xd8 ? jpegSize(base64) : null);
  return size !== null && size.width > 0 && size.height > 0 ? size : null;
}

/** Fewer where it ends before. */
function bytesAt(base64: string, offset: number, length: number): Buffer {
  const group = Math.floor(offset / 3);
  const skipped = offset - group * 3;
  const text = base64.slice(group * 4, group * 4 + Math.ceil((skipped + length) / 3) * 4);
  return Buffer.from(text, 'base64').subarray(skipped, skipped + length);
}

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

function pngSize(head: Buffer): ImageSize | null {
  if (head.length < 24 || !head.subarray(0, 4).equals(PNG)) return null;
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

function gifSize(head: Buffer): ImageSize | null {
  if (head.length < 10 || head.toString('latin1', 0, 4) !== 'GIF8') return null;
  return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
}

/** Lossy, lossless and extended form (RFC 9649). */
function webpSize(head: Buffer): ImageSize | null {
  if (head.length < 30 || head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WEBP')
    return null;
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    default:
      return null;
  }
}

/** More segments than any camera writes. */
const JPEG_SEGMENTS = 1000;

/** Its size stands in a frame header, behind segments of any length, which are skipped. */
function jpegSize(base64: string): ImageSize | null {
  let offset = 2;
  for (let segment = 0; segment < JPEG_SEGMENTS; segment += 1) {
    const bytes = bytesAt(base64, offset, 9);
    if (bytes.length < 9 || bytes[0] !== 0xff) return null;
    const marker = bytes.readUInt8(1);
    if (marker === 0xff) {
      // A byte that fills up.
      offset += 1;
      continue;
    }
    // SOF0 to SOF15, but DHT, JPG and DAC, which lie between them.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return { width: bytes.readUInt16BE(7), height: bytes.readUInt16BE(5) };
    const standsAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    offset += standsAlone ? 2 : 2 + Math.max(2, bytes.readUInt16BE(2));
  }
  return null;
}
