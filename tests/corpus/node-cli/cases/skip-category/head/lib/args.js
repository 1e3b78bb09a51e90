'use strict';

const OPTIONS = new Set(['from', 'until', 'category']);

/** A command line as {command, path, options}; throws an Error for what is no option. */
function parse(words) {
  const options = {};
  const rest = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (!word.startsWith('--')) {
      rest.push(word);
      continue;
    }
    const name = word.slice(2);
    if (!OPTIONS.has(name)) {
      throw new Error(`no such option: ${word}`);
    }
    at += 1;
    if (at >= words.length) {
      throw new Error(`${word} needs a value`);
    }
    options[name] = words[at];
  }
  const [command, path] = rest;
  return { command, path, options };
}

module.exports = { parse };
