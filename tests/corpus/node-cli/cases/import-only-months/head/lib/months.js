'use strict';

/** The sum of each month. */
function byMonth(expenses) {
  return expenses.map((expense) => expense.date);
}

module.exports = { byMonth };
