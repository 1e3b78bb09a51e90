'use strict';

const args = require('./args');
const expenses = require('./expenses');
const { shown } = require('./money');

const COMMANDS = {
  sum: (all) => [shown(expenses.total(all))],
  categories: (all) => expenses.byCategory(all).map(([name, sum]) => `${name} ${shown(sum)}`),
  list: (all) => all.map((each) => `${each.date} ${each.category} ${shown(each.cents)} ${each.note}`.trimEnd()),
};

/** Carries out a command line; gives its exit status. */
function main(words, { read, write, warn }) {
  try {
    const { command, path, options } = args.parse(words);
    const run = COMMANDS[command];
    if (run === undefined) {
      warn(`usage: tally ${Object.keys(COMMANDS).join('|')} [--from DATE] [--until DATE] [FILE]\n`);
      return 0;
    }
    const all = expenses.between(expenses.read(read(path)), options);
    write(run(all).map((line) => `${line}\n`).join(''));
    return 0;
  } catch (error) {
    warn(`tally: ${error.message}\n`);
    return 1;
  }
}

module.exports = { main };
