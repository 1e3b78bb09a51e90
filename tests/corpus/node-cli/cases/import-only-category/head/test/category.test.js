'use strict';

const assert = require('node:assert');
const { of } = require('../lib/category');
const { read } = require('../lib/expenses');

describe('a category', () => {
  it('is read', () => {
    assert.strictEqual(read('2026-01-05,food,1\n')[0].category, 'food');
    assert.ok(of);
  });
});
