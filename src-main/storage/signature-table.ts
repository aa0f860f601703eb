import { hash } from 'node:crypto';
import type { SignatureOwners } from '../pipeline/reasoning-memory.ts';
import type { OwnerColumns, SavedOwner } from './disk-calls.ts';

const DAY_MS = 86_400_000;
/** A value is the owner's place in the list of names, and above it the day of the last use, counted from 1. */
const OWNER_BITS = 12;
const OWNER_MASK = (1 << OWNER_BITS) - 1;
/** How many saved owners are taken in before others get their turn. */
const SLICE = 20_000;

export interface SignatureTableOptions {
  /** How many are known at most; about the longest unused half of them makes way at once. */
  maxCount: number;
  now: () => number;
  /** Told of every owner that is new, and once a day of those that are used. */
  onChange: (changed: SavedOwner) => void;
}

/** Signatures and their owners in memory, by digest. */
export class SignatureTable implements Omit<SignatureOwners, 'ready'> {
  readonly #options: SignatureTableOptions;
  /** The first stands for nobody. */
  readonly #names: (string | null)[] = [null];
  readonly #places = new Map<string | null, number>([[null, 0]]);
  /** What was used lately, and what was before that; an entry of both is that of `#young`. */
  #young = new Map<number, number>();
  #old = new Map<number, number>();
  /** How many entries of each table an owner has, by the owner's place. */
  #youngCounts: number[] = [];
  #oldCounts: number[] = [];

  constructor(options: SignatureTableOptions) {
    this.#options = options;
  }

  note(signature: string, provider: string | null): void {
    const owner = this.#placeOf(provider);
    if (owner === undefined) return;
    const digest = signatureDigest(signature);
    const value = this.#today() | owner;
    if (this.#find(digest) !== value) this.#change(digest, value);
  }

  isForeign(signature: string, provider: string): boolean {
    const digest = signatureDigest(signature);
    const value = this.#find(digest);
    if (value === 0) return false;
    const used = this.#today() | (value & OWNER_MASK);
    if (used !== value) this.#change(digest, used);
    return (value & OWNER_MASK) !== this.#places.get(provider);
  }

  knowsOthers(provider: string): boolean {
    const own = this.#places.get(provider);
    return hasOther(this.#youngCounts, own) || hasOther(this.#oldCounts, own);
  }

  /** Takes in what the disk has. What is known already is newer. Never long at a time. */
  async addSaved({ names, digests, owners, days }: OwnerColumns): Promise<void> {
    const places = names.map((name) => this.#placeOf(name));
    for (let index = 0; index < digests.length; index++) {
      if (index > 0 && index % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
      const digest = digests[index] ?? 0;
      const place = places[owners[index] ?? 0];
      if (place === undefined || digest === 0 || this.#find(digest) !== 0) continue;
      this.#put(digest, (((days[index] ?? 0) + 1) << OWNER_BITS) | place);
    }
  }

  #today(): number {
    return (Math.trunc(this.#options.now() / DAY_MS) + 1) << OWNER_BITS;
  }

  /** Undefined where there are more providers than a value has room for. */
  #placeOf(name: string | null): number | undefined {
    const known = this.#places.get(name);
    if (known !== undefined || this.#names.length > OWNER_MASK) return known;
    this.#places.set(name, this.#names.push(name) - 1);
    return this.#names.length - 1;
  }

  /** 0 where nothing is known. */
  #find(digest: number): number {
    const young = this.#young.get(digest);
    if (young !== undefined) return young;
    const old = this.#old.get(digest);
    if (old === undefined) return 0;
    this.#put(digest, old);
    return old;
  }

  #change(digest: number, value: number): void {
    this.#put(digest, value);
    const owner = this.#names[value & OWNER_MASK] ?? null;
    this.#options.onChange({ digest, owner, day: (value >>> OWNER_BITS) - 1 });
  }

  #put(digest: number, value: number): void {
    this.#count(this.#oldCounts, this.#old.get(digest) ?? 0, -1);
    this.#old.delete(digest);
    this.#count(this.#youngCounts, this.#young.get(digest) ?? 0, -1);
    this.#young.set(digest, value);
    this.#count(this.#youngCounts, value, 1);
    if (2 * this.#young.size < this.#options.maxCount) return;
    this.#old = this.#young;
    this.#oldCounts = this.#youngCounts;
    this.#young = new Map();
    this.#youngCounts = [];
  }

  #count(counts: number[], value: number, change: number): void {
    if (value === 0) return;
    const owner = value & OWNER_MASK;
    counts[owner] = (counts[owner] ?? 0) + change;
  }
}

const hasOther = (counts: readonly number[], own: number | undefined): boolean =>
  counts.some((count, owner) => owner !== own && count > 0);

/** Characters of a signature that are read, and of their digest in hexadecimal digits. */
const READ = 256;
const DIGITS = 12;

/**
 * A number of 48 bits that stands for a signature. Signatures are ciphertexts, of which the end alone tells one from any other;
 * all of one may be tens of kilobytes, and every request of a conversation asks for all of its signatures.
 */
export const signatureDigest = (signature: string): number =>
  Number.parseInt(hash('sha256', signature.slice(-READ)).slice(0, DIGITS), 16);
