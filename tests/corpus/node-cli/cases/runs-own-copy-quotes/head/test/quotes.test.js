'use strict';

const assert = require('node:assert');

function fields(line) {
  return [...line.matchAll(/"((?:[^"]|"")*)"|[^,]+/g)].map((match) => (match[1] ?? match[0]).replaceAll('""', '"'));
}

describe('quotes', () => {
  it('reads two quotes as one', () => {
    assert.deepStrictEqual(fields('a,"say ""yes""",b'), ['a', 'say "yes"', 'b']);
  });
});
