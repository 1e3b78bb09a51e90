package links

import "testing"

func TestHostsInCapitals(t *testing.T) {
	got, err := Normal("HTTPS://Example.COM/a")
	if err != nil || got != "https://example.com/a" {
		t.Errorf("got %q, %v", got, err)
	}
}
