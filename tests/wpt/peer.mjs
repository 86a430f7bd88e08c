// Runs one file of web-platform-tests in Node, Deno or Bun, in a process of its own: peer.mjs JOB, JOB being a file with
// the job that runner.cc would get. Each result is a line on standard output, which peers.py reads.

import { readFileSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers';
import { runInThisContext } from 'node:vm';

const job = JSON.parse(readFileSync(process.argv[2], 'utf-8'));
const { stringify } = JSON;

globalThis.self ??= globalThis;
globalThis.wptHost = {
  tell(message) {
    writeSync(1, `wpt-runner:${stringify(message)}\n`);
    // Not waiting for what a test has left open.
    if (message.kind === 'completion') setTimeout(() => process.exit(0), 0);
  },
  readFile: (path) => readFile(join(job.root, normalize(path))).then((bytes) => new Uint8Array(bytes), () => null),
};

// What a test leaves behind is for the log, and does not end the process.
const log = (error) => console.error('uncaught:', error);
process.on('uncaughtException', log);
process.on('unhandledRejection', log);

// testharness.js says what it still waits for, when nothing more can happen or the time is over.
let over = false;
const end = () => {
  if (!over) runInThisContext('timeout();');
  over = true;
};
process.on('beforeExit', end);
setTimeout(end, job.seconds * 1000).unref();

// All of them in one task: testharness.js takes the first microtask for the end of the page.
runInThisContext(job.prelude, { filename: 'wpt-prelude.js' });
for (const path of job.scripts) {
  try {
    runInThisContext(readFileSync(path, 'utf-8'), { filename: path });
  } catch (error) {
    log(error);
  }
}
