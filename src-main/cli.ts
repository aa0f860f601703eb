#!/usr/bin/env -S node --max-semi-space-size=8
// The flag, in MB, keeps V8 from letting a quarter of a gigabyte of short-lived request bodies stand before it cleans up.
import { runProgram } from './cli/program.ts';

process.exitCode = await runProgram(process.argv.slice(2));
