// `npm run schema`: writes resources/config.schema.json from the schema in src-shared/config.ts. A unit test fails while it is
// out of date.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { configJsonSchemaText } from '../src-shared/config-json-schema.ts';
import { projectFolder } from './lib/project.ts';

await writeFile(path.join(projectFolder, 'resources/config.schema.json'), configJsonSchemaText());
