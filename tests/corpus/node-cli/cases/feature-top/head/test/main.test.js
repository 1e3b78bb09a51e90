'use strict';

const assert = require('node:assert');
const { main } = require('../lib/main');

const TEXT = '2026-01-05,food,12.50,lunch\n2026-02-01,rent,800\n';

function run(...words) {
  const out = [];
  const err = [];
  const status = main(words, { read: () => TEXT, write: (text) => out.push(text), warn: (text) => err.push(text) });
  return { status, out: out.join(''), err: err.join('') };
}

describe('the command line', () => {
  it('sums', () => {
    assert.deepStrictEqual(run('sum'), { status: 0, out: '812.50\n', err: '' });
  });

  it('sums under its old name', () => {
    assert.strictEqual(run('total').out, '812.50\n');
  });

  it('lists', () => {
    assert.strictEqual(run('list').out, '2026-01-05 food 12.50 lunch\n2026-02-01 rent 800.00\n');
  });

  it('shows categories', () => {
    assert.strictEqual(run('categories').out, 'food 12.50\nrent 800.00\n');
  });

  it('takes dates', () => {
    assert.strictEqual(run('sum', '--until', '2026-02-01').out, '12.50\n');
  });

  it('refuses options that it does not know', () => {
    const { status, err } = run('sum', '--loud');
    assert.strictEqual(status, 1);
    assert.match(err, /no such option: --loud/);
  });

  it('shows its usage', () => {
    assert.match(run().err, /^usage: tally sum/);
  });
});

describe('top', () => {
  it('shows the largest first', () => {
    assert.strictEqual(run('top').out, '2026-02-01 rent 800.00\n2026-01-05 food 12.50 lunch\n');
  });

  it('shows three', () => {
    const many = [1, 5, 3, 4, 2].map((amount) => `2026-01-01,x,${amount}\n`).join('');
    const out = [];
    main(['top'], { read: () => many, write: (text) => out.push(text), warn: () => {} });
    assert.strictEqual(out.join(''), '2026-01-01 x 5.00\n2026-01-01 x 4.00\n2026-01-01 x 3.00\n');
  });
});
