'use strict';

const assert = require('node:assert');
const { cents, shown } = require('../lib/money');

describe('money', () => {
  it('reads amounts', () => {
    assert.strictEqual(cents('12.5'), 1250);
    assert.strictEqual(cents(' 3 '), 300);
    assert.strictEqual(cents('-0.01'), -1);
  });

  it('refuses what is no amount', () => {
    for (const text of ['', 'a', '1.234', '1,5']) {
      assert.throws(() => cents(text), /not an amount/);
    }
  });

  it('shows two decimals', () => {
    assert.strictEqual(shown(1250), '12.50');
    assert.strictEqual(shown(7), '0.07');
    assert.strictEqual(shown(0), '0.00');
  });

  it('shows negative amounts', () => {
    assert.strictEqual(shown(-150), '-1.50');
    assert.strictEqual(shown(-5), '-0.05');
    assert.strictEqual(shown(-200), '-2.00');
  });
});
