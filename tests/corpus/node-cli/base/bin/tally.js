#!/usr/bin/env node
'use strict';

const fs = require('node:fs');
const { main } = require('../lib/main');

process.exitCode = main(process.argv.slice(2), {
  read: (path) => fs.readFileSync(path ?? 0, 'utf8'),
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
});
