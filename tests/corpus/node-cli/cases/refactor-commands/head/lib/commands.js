'use strict';

const expenses = require('./expenses');
const { shown } = require('./money');

const line = (each) => `${each.date} ${each.category} ${shown(each.cents)} ${each.note}`.trimEnd();
const named = ([name, sum]) => `${name} ${shown(sum)}`;
const sum = (all) => [shown(expenses.total(all))];

/** Command → the lines that it prints for expenses. */
const COMMANDS = {
  sum,
  total: sum,
  categories: (all) => expenses.byCategory(all).map(named),
  list: (all) => all.map(line),
};

module.exports = { COMMANDS };
