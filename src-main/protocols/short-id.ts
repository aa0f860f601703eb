import { randomUUID } from 'node:crypto';

/** 32 hex digits that nobody else has. */
export const shortId = (): string => randomUUID().replaceAll('-', '');
