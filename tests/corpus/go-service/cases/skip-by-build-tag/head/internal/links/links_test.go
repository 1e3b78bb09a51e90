//go:build ignore

package links

import (
	"errors"
	"path/filepath"
	"testing"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	store, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func add(t *testing.T, store *Store, url string) Link {
	t.Helper()
	link, err := store.Add(url)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func TestAddGivesTheSameCode(t *testing.T) {
	store := open(t, "")
	first, second := add(t, store, "https://example.com/a"), add(t, store, "https://example.com/a")
	if first != second {
		t.Errorf("got %v and %v", first, second)
	}
	if len(first.Code) != 6 {
		t.Errorf("got code %q", first.Code)
	}
}

func TestFollowCounts(t *testing.T) {
	store := open(t, "")
	link := add(t, store, "https://example.com/a")
	url, err := store.Follow(link.Code)
	if err != nil || url != "https://example.com/a" {
		t.Errorf("got %q, %v", url, err)
	}
	if hits := store.Top()[0].Hits; hits != 1 {
		t.Errorf("got %d hits", hits)
	}
	if _, err := store.Follow("nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestTopIsSorted(t *testing.T) {
	store := open(t, "")
	add(t, store, "https://example.com/a")
	link := add(t, store, "https://example.com/b")
	if _, err := store.Follow(link.Code); err != nil {
		t.Fatal(err)
	}
	if top := store.Top(); len(top) != 2 || top[0].URL != "https://example.com/b" {
		t.Errorf("got %v", top)
	}
}

func TestRemove(t *testing.T) {
	store := open(t, "")
	link := add(t, store, "https://example.com/a")
	if err := store.Remove(link.Code); err != nil {
		t.Fatal(err)
	}
	if len(store.Top()) != 0 {
		t.Error("it is still there")
	}
}

func TestLinksSurvive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "links.json")
	link := add(t, open(t, path), "https://example.com/a")
	if top := open(t, path).Top(); len(top) != 1 || top[0] != link {
		t.Errorf("got %v", top)
	}
}

func TestNormal(t *testing.T) {
	for raw, want := range map[string]string{
		"https://example.com/a":   "https://example.com/a",
		"  http://example.com/b ": "http://example.com/b",
		"ftp://example.com":       "",
		"https://":                "",
		"example.com":             "",
	} {
		got, err := Normal(raw)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v", raw, got, err)
		}
	}
}
