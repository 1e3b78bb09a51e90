'use strict';

const assert = require('node:assert');
const { fields, rows } = require('../lib/csv');

describe('csv', () => {
  it('splits at commas', () => {
    assert.deepStrictEqual(fields('a,b,,c'), ['a', 'b', '', 'c']);
  });

  it('keeps commas in quotes', () => {
    assert.deepStrictEqual(fields('a,"b,c",d'), ['a', 'b,c', 'd']);
  });

  it('reads two quotes as one', () => {
    assert.deepStrictEqual(fields('a,"say ""yes""",b'), ['a', 'say "yes"', 'b']);
    assert.deepStrictEqual(fields('"",""""'), ['', '"']);
  });

  it('leaves empty lines out', () => {
    assert.deepStrictEqual(rows('a,b\n\n  \nc,d\n'), [['a', 'b'], ['c', 'd']]);
  });
});
