'use strict';

const assert = require('node:assert');
const months = require('../lib/months');

describe('months', () => {
  it('are a module', () => {
    assert.strictEqual(typeof months, 'object');
  });
});
