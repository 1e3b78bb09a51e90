package links

import (
	"strings"
	"testing"
)

func TestCode(t *testing.T) {
	known := map[string]bool{}
	for _, url := range []string{"https://a.example", "https://b.example", "https://c.example"} {
		code := Code(url)
		if len(code) != 6 || strings.Trim(code, letters) != "" {
			t.Errorf("%s: got %q", url, code)
		}
		if code != Code(url) {
			t.Errorf("%s: got another code", url)
		}
		known[code] = true
	}
	if len(known) != 3 {
		t.Errorf("got %v", known)
	}
}
