import { ProxyError } from '../../src-shared/errors.ts';
import type { DocumentBlock, ImageBlock, ImageSource } from './canonical.ts';
import { invalid } from './openai-checks.ts';

/** Types of images that every vendor reads. */
const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

interface DataUrl {
  mediaType: string;
  /** Base64. */
  data: string;
}

/** Null for what is no `data:` URL. Only the head is looked at: what follows may be megabytes. */
function readDataUrl(url: string, field: string): DataUrl | null {
  if (!/^data:/i.test(url)) return null;
  const comma = url.indexOf(',');
  const [mediaType = '', ...parameters] = url.slice('data:'.length, comma).toLowerCase().split(';');
  if (comma === -1 || parameters.at(-1)?.trim() !== 'base64') invalid(field, 'must be a data URL in base64');
  return { mediaType: mediaType.trim(), data: url.slice(comma + 1) };
}

const isLink = (url: string): boolean => /^https?:\/\//i.test(url);

function imageOf({ mediaType, data }: DataUrl, field: string): ImageSource {
  const media_type = mediaType === 'image/jpg' ? 'image/jpeg' : mediaType;
  if (!IMAGE_TYPES.has(media_type)) invalid(field, `must be a JPEG, PNG, GIF or WebP image, not '${mediaType}'`);
  return { type: 'base64', media_type, data };
}

/** The image that a `data:` or `http(s):` URL names. @throws ProxyError `invalid_field` */
export function imageSource(url: string, field: string): ImageSource {
  const embedded = readDataUrl(url, field);
  if (embedded !== null) return imageOf(embedded, field);
  if (!isLink(url)) invalid(field, 'must be a data URL or an http(s) URL');
  return { type: 'url', url };
}

/**
 * A file's block: a PDF or a text is a document, an image an image.
 * @param data a `data:` URL or plain base64 (of a PDF); OpenRouter takes an `http(s):` URL here, too.
 * @throws ProxyError `invalid_field`; `unsupported_content` for other types of files.
 */
export function fileBlock(data: string, filename: string | undefined, field: string): DocumentBlock | ImageBlock {
  const title = filename === undefined ? {} : { title: filename };
  if (isLink(data)) return { type: 'document', source: { type: 'url', url: data }, ...title };
  const file = readDataUrl(data, field) ?? { mediaType: 'application/pdf', data };
  const { mediaType } = file;
  if (mediaType === 'application/pdf')
    return { type: 'document', source: { type: 'base64', media_type: mediaType, data: file.data }, ...title };
  if (mediaType.startsWith('image/')) return { type: 'image', source: imageOf(file, field) };
  if (mediaType.startsWith('text/') || mediaType === 'application/json') {
    const text = Buffer.from(file.data, 'base64').toString();
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title };
  }
  throw ProxyError.of('unsupported_content', {
    field,
    reason: `a file of type '${mediaType}' cannot be translated for this model; send a PDF, a text or an image`,
  });
}
