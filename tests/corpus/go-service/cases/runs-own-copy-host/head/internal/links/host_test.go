package links

import (
	"net/url"
	"strings"
	"testing"
)

func normal(raw string) string {
	parsed, _ := url.Parse(raw)
	parsed.Host = strings.ToLower(parsed.Host)
	return parsed.String()
}

func TestHostsInCapitals(t *testing.T) {
	if got := normal("HTTPS://Example.COM/A"); got != "https://example.com/A" {
		t.Errorf("got %q", got)
	}
}
