"""A small source file of each language whose functions are read."""

from __future__ import annotations

PYTHON = '''\
import os


def price(items, tax=1):
    """The sum."""
    total = sum(items)
    return total * tax


class Cart:
    def __init__(self):
        self.lines = []

    @property
    def total(self):
        def add(a, b):
            return a + b

        return add(*self.lines)

    async def save(self):
        yield os.getcwd()

    def stub(self): ...

    def later(self):
        """Not yet."""
        raise NotImplementedError("later")


def short(a): return a
double = lambda x: x * 2
'''
TYPESCRIPT = """\
export function price(items: number[]): number {
  // a comment
  return items.reduce((a, b) => a + b, 0);
}
export const double = (x: number): number => x * 2;
export abstract class Cart extends Base {
  constructor() {
    super();
    this.lines = [];
  }
  abstract stub(): void;
  get total(): number {
    return this.lines.map((line) => {
      return line.price;
    });
  }
  clear(): void {
    this.lines = [];
  }
  fail(): never {
    throw new RangeError("no");
  }
}
export function later() {
  throw new Error("not implemented");
}
"""
GO = """\
package cart

func (c *Cart) Total(tax int) (int, error) {
	if tax < 0 {
		return 0, ErrTax
	}
	return c.sum * tax, nil
}

func New(url *url.URL) *url.URL {
	return url
}

func Find(all map[string]*Cart) *Cart {
	return all["x"]
}

func Named() (n int, err error) {
	n = 3
	return
}

var hook = func() { panic("hit") }

func Todo() int {
	panic("not implemented")
}

func Zero() (int, error) { return 0, nil }

func Open() http.Handler { return mux }
"""
RUST = """\
pub struct Cart {
    lines: Vec<u32>,
    tax: (u8, bool),
}

#[derive(Default)]
struct Other<T>(T);

pub enum State {
    Empty,
    Full(u8),
}

impl Cart {
    pub fn new() -> Self {
        Self { lines: vec![1], tax: (1, true) }
    }

    pub const fn tax(&self) -> u8 {
        self.tax.0
    }

    pub fn with(mut self, line: u32) -> Self {
        self.lines.push(line);
        self
    }

    pub fn parse(text: &str) -> Result<State, Error> {
        Ok(State::Full(text.parse()?))
    }

    pub fn first(&self) -> Option<&u32> {
        self.lines.first()
    }

    pub fn all(&self) -> impl Iterator<Item = &u32> {
        self.lines.iter()
    }

    pub fn error(&self) -> Error {
        Error::of(self)
    }

    pub fn never(&self) -> ! {
        panic!("no")
    }

    pub fn todo(&self) -> u32 {
        todo!()
    }
}

#[cfg(test)]
mod tests {
    fn helper() -> u32 {
        7
    }

    #[test]
    fn adds() {
        assert_eq!(helper(), 7);
    }
}
"""
