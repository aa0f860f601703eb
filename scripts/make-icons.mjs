// Makes every icon from resources/icon.svg and resources/tray.svg, with Chromium: `node scripts/run.mjs scripts/make-icons.mjs`.
// The results are in version control; this runs when a drawing has changed.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { programPath } from '../test/helpers/missing-programs.ts';
import { projectFolder, say } from './lib/project.ts';

const resources = path.join(projectFolder, 'resources');
const icon = await readFile(path.join(resources, 'icon.svg'), 'utf8');
const mark = await readFile(path.join(resources, 'tray.svg'), 'utf8');
const inColor = (/** @type {string} */ color) => mark.replaceAll('currentColor', color);

const pictures = [
  { file: 'icon.png', svg: icon, size: 512 },
  { file: 'tray/tray-32.png', svg: icon, size: 32 },
  // For dark panels a light mark, and the other way round.
  ...[16, 32].flatMap((size) => [
    { file: `tray/tray-light-${size}.png`, svg: inColor('#ffffff'), size },
    { file: `tray/tray-dark-${size}.png`, svg: inColor('#1b1c1f'), size },
  ]),
  // macOS takes the shape from black and alpha, and the second file on screens of double density.
  { file: 'tray/trayTemplate.png', svg: inColor('#000000'), size: 16 },
  { file: 'tray/trayTemplate@2x.png', svg: inColor('#000000'), size: 32 },
];

const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: programPath('chromium'), args: sandbox });
try {
  await mkdir(path.join(resources, 'tray'), { recursive: true });
  for (const { file, svg, size } of pictures) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    await page.setContent(`<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
    await writeFile(path.join(resources, file), await page.screenshot({ omitBackground: true }));
    await page.close();
    say(`resources/${file}`);
  }
} finally {
  await browser.close();
}
