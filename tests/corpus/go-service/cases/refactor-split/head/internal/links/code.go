package links

import (
	"crypto/sha256"
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
