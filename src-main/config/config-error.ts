/** Where a value of the configuration was written. */
export type Place =
  | { in: 'file'; file: string; line: number; column: number }
  | { in: 'variable'; name: string }
  | { in: 'flag'; name: string }
  | { in: 'nowhere' };

/** One thing that is wrong with the configuration. Holds no secrets: a value that may be one is not quoted. */
export interface ConfigProblem {
  place: Place;
  /** Such as `providers[0].baseUrl`; empty for the configuration as a whole. */
  path: string;
  message: string;
}

/** The configuration cannot be used. Its message lists every problem, one a line. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `/home/me/config.yaml:3:12 providers[0].baseUrl: must be …` */
export function formatProblem({ place, path, message }: ConfigProblem): string {
  return `${[formatPlace(place), path].filter((part) => part !== '').join(' ')}: ${message}`;
}

function formatPlace(place: Place): string {
  switch (place.in) {
    case 'file':
      return `${place.file}:${place.line}:${place.column}`;
    case 'variable':
      return `environment variable ${place.name}`;
    case 'flag':
      return place.name;
    case 'nowhere':
      return 'configuration';
  }
}
