import type { BodyView, KeptBodiesView } from '../../src-shared/recording.ts';
import type { RawBody, RequestBodies } from './request-bodies.ts';

/** What is cut out of bodies: the keys that this process knows. They go to a thread of it and nowhere else. */
export type Secrets = readonly string[];

/** How much the disk may hold. */
export interface DiskLimits {
  days: number;
  maxBytes: number;
}

export interface BodiesStats {
  requests: number;
  /** Of all its files. */
  bytes: number;
  /** Unix time in ms. */
  oldest: number | null;
}

/** What stands on the disk of a request, with keys cut out. */
export type StoredBodies = Omit<KeptBodiesView, 'state' | 'from'>;

/** What the database's thread is asked, and what it answers. */
export interface BodiesCalls {
  write: { asked: { entries: readonly RequestBodies[]; secrets: Secrets; limits: DiskLimits }; answer: null };
  read: { asked: { id: string; secrets: Secrets }; answer: StoredBodies | null };
  /** Forgets what is too old, or too much. */
  expire: { asked: DiskLimits; answer: null };
  /** Forgets all. @returns how many requests that were. */
  clear: { asked: null; answer: number };
  stats: { asked: null; answer: BodiesStats };
  close: { asked: null; answer: null };
}

/** What the thread that cuts keys out is asked. It has no file. */
export interface CleaningCalls {
  clean: { asked: { bodies: RequestBodies; secrets: Secrets }; answer: StoredBodies };
  cleanBody: { asked: { body: RawBody; secrets: Secrets }; answer: BodyView };
  close: { asked: null; answer: null };
}

/** What the thread is started with. */
export interface BodiesOptions {
  /** The database; null: it only cuts keys out. */
  file: string | null;
}
