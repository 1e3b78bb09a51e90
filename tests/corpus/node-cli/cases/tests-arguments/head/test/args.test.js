'use strict';

const assert = require('node:assert');
const { parse } = require('../lib/args');

describe('args', () => {
  it('tells options from the rest', () => {
    assert.deepStrictEqual(parse(['sum', '--from', '2026-01-01', 'a.csv']), {
      command: 'sum',
      path: 'a.csv',
      options: { from: '2026-01-01' },
    });
  });

  it('needs a value', () => {
    assert.throws(() => parse(['sum', '--from']), /--from needs a value/);
  });

  it('has nothing without words', () => {
    assert.deepStrictEqual(parse([]), { command: undefined, path: undefined, options: {} });
  });
});
