'use strict';

const assert = require('node:assert');
const { shown } = require('../lib/money');

describe('negative amounts', () => {
  it('are shown', () => {
    assert.strictEqual(shown(-150), '-1.5');
  });
});
