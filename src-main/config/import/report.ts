/** What became of a configuration that another program wrote. Holds no key: what it says may be printed. */
export interface ImportReport {
  /** The program, and the shape of its file, in words. */
  source: string;
  /** What means the same here. */
  carried: string[];
  /** What means something else here, or is said in another way. */
  changed: string[];
  /** What was not carried, and why. */
  left: string[];
  keys: ReportedKey[];
}

/** Where a provider's key was, and where it is looked for from now on. */
export interface ReportedKey {
  provider: string;
  /** `variable`: an environment variable holds it. `file`: it stands in the file itself. `none`: there was none. */
  found: 'variable' | 'file' | 'none';
  /** As it stands in the new configuration; null where nothing does. */
  reference: string | null;
}

/** A key that stands in the file itself, to be stored elsewhere. Never printed. */
export interface FoundKey {
  provider: string;
  /** Of its entry in the keychain. */
  name: string;
  key: string;
}

export interface Imported {
  /** The new configuration as plain data. */
  value: Record<string, unknown>;
  /** The same as YAML, with comments where somebody should look. */
  text: string;
  report: ImportReport;
  secrets: FoundKey[];
}
