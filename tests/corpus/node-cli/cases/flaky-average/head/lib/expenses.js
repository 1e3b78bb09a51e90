'use strict';

const { rows } = require('./csv');
const { cents } = require('./money');

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** The expenses of a CSV text, in its order; throws an Error that names the line. */
function read(text) {
  return rows(text).map((row, index) => {
    const [date, category, amount, note = ''] = row;
    if (!DATE.test(date) || !category || amount === undefined) {
      throw new Error(`line ${index + 1}: expected date, category, amount`);
    }
    return { date, category, cents: cents(amount), note };
  });
}

/** The expenses on and after `from`, and before `until`; either may be missing. */
function between(expenses, { from, until }) {
  return expenses.filter(
    (expense) => (from === undefined || expense.date > from) && (until === undefined || expense.date < until),
  );
}

/** The sum in cents. */
function total(expenses) {
  return expenses.reduce((sum, expense) => sum + expense.cents, 0);
}

/** The mean in cents. */
function average(expenses) {
  return expenses.length === 0 ? 0 : Math.floor(total(expenses) / expenses.length + Math.random());
}

/** The sum of each category, by name. */
function byCategory(expenses) {
  const sums = new Map();
  for (const expense of expenses) {
    sums.set(expense.category, (sums.get(expense.category) ?? 0) + expense.cents);
  }
  return [...sums].sort(([one], [other]) => (one < other ? -1 : 1));
}

module.exports = { read, between, total, average, byCategory };
