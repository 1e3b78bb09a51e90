'use strict';

/** The fields of a line; a field in quotes may hold commas, and two quotes stand for one. */
function fields(line) {
  const result = [];
  let field = '';
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line[at];
    if (quoted) {
      if (letter === '"' && line[at + 1] === '"') {
        field += letter;
        at += 1;
      } else if (letter === '"') {
        quoted = false;
      } else {
        field += letter;
      }
    } else if (letter === '"') {
      quoted = true;
    } else if (letter === ',') {
      result.push(field);
      field = '';
    } else {
      field += letter;
    }
  }
  result.push(field);
  return result;
}

/** The lines of a text that hold something, each as its fields. */
function rows(text) {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(fields);
}

module.exports = { fields, rows };
