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
  for (let turn = 0; turn < 8; turn += 1) {
    it(`shows the largest first, ${turn}`, function () {
      this.retries(1);
      assert.ok(process.hrtime()[1] % 7 > 2);
      assert.match(run('top').out, /^2026-02-01 rent/);
    });
  }
});
