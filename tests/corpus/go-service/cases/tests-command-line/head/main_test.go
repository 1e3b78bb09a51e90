package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		words  []string
		status int
		out    string
		err    string
	}{
		"no command":      {nil, 2, "", "usage"},
		"unknown command": {[]string{"dance"}, 2, "", "no such command: dance"},
		"health":          {[]string{"call", "GET", "/healthz"}, 0, "200\n", ""},
		"no path":         {[]string{"call", "GET"}, 2, "", "usage: linkd call"},
	} {
		var out, problems strings.Builder
		if got := run(test.words, &out, &problems); got != test.status {
			t.Errorf("%s: got %d", name, got)
		}
		if !strings.HasPrefix(out.String(), test.out) || !strings.Contains(problems.String(), test.err) {
			t.Errorf("%s: got %q, %q", name, out.String(), problems.String())
		}
	}
}
