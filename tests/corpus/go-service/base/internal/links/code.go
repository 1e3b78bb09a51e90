package links

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
)

const letters = "abcdefghijkmnpqrstuvwxyz23456789"

// Code gives the code of a URL: six letters that are always the same.
func Code(url string) string {
	sum := sha256.Sum256([]byte(url))
	var code strings.Builder
	for _, value := range sum[:6] {
		code.WriteByte(letters[int(value)%len(letters)])
	}
	return code.String()
}

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
