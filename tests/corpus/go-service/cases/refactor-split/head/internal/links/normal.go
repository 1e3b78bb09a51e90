package links

import (
	"fmt"
	"net/url"
	"strings"
)

// Normal gives a URL in its normal form; an error if it is none that a link may lead to.
func Normal(raw string) (string, error) {
	parsed, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return "", err
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" {
		return "", fmt.Errorf("%q is no address of the web", raw)
	}
	if parsed.Host == "" {
		return "", fmt.Errorf("%q has no host", raw)
	}
	return parsed.String(), nil
}
