'use strict';

/** The cents of an amount such as "12.5" or "-3"; throws an Error for anything else. */
function cents(text) {
  const match = /^(-?)(\d*)(?:[.,](\d{1,2}))?$/.exec(text.trim());
  if (match === null) {
    throw new Error(`not an amount: ${text}`);
  }
  return Math.round(Number(`${match[1]}${match[2] || 0}.${match[3] ?? 0}`) * 100);
}

/** Cents with two decimals. */
function shown(amount) {
  return `${Math.floor(amount / 100)}.${String(Math.abs(amount % 100)).padStart(2, '0')}`;
}

module.exports = { cents, shown };
