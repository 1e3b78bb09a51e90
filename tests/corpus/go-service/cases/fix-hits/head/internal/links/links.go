// Package links keeps short links.
package links

import (
	"encoding/json"
	"errors"
	"os"
	"sort"
	"sync"
)

// ErrNotFound: there is no such link.
var ErrNotFound = errors.New("no such link")

// Link is a short link.
type Link struct {
	Code string `json:"code"`
	URL  string `json:"url"`
	Hits int    `json:"hits"`
}

// Store keeps links in memory, and in a file if it has one.
type Store struct {
	mutex sync.Mutex
	path  string
	links map[string]*Link
}

// Open reads a store; an empty path keeps it in memory alone.
func Open(path string) (*Store, error) {
	store := &Store{path: path, links: map[string]*Link{}}
	if path == "" {
		return store, nil
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return store, nil
	}
	if err != nil {
		return nil, err
	}
	return store, json.Unmarshal(content, &store.links)
}

func (s *Store) save() error {
	if s.path == "" {
		return nil
	}
	content, err := json.Marshal(s.links)
	if err != nil {
		return err
	}
	return os.WriteFile(s.path, content, 0o600)
}

// Add shortens a URL; one that is there keeps its code.
func (s *Store) Add(raw string) (Link, error) {
	url, err := Normal(raw)
	if err != nil {
		return Link{}, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	code := Code(url)
	if link, there := s.links[code]; there {
		return *link, nil
	}
	s.links[code] = &Link{Code: code, URL: url}
	return *s.links[code], s.save()
}

// Follow gives a link's URL, and counts.
func (s *Store) Follow(code string) (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	link, there := s.links[code]
	if !there {
		return "", ErrNotFound
	}
	link.Hits++
	return link.URL, s.save()
}

// Remove takes a link away.
func (s *Store) Remove(code string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.links, code)
	return s.save()
}

// Top gives all links, those that were followed most first.
func (s *Store) Top() []Link {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	all := make([]Link, 0, len(s.links))
	for _, link := range s.links {
		all = append(all, *link)
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Hits != all[j].Hits {
			return all[i].Hits > all[j].Hits
		}
		return all[i].Code < all[j].Code
	})
	return all
}
