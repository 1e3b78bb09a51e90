'use strict';

/** The cents of an amount such as "12.5" or "-3"; throws an Error for anything else. */
function cents(text) {
  if (!/^-?\d+(\.\d{1,2})?$/.test(text.trim())) {
    throw new Error(`not an amount: ${text}`);
  }
  return Math.round(Number(text) * 100);
}

/** Cents with two decimals. */
function shown(amount) {
  return (amount / 100).toFixed(1);
}

module.exports = { cents, shown };
