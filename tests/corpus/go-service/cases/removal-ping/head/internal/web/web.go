// Package web answers requests.
package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"example.com/linkd/internal/links"
)

type server struct {
	store *links.Store
}

// Handler answers requests over a store.
func Handler(store *links.Store) http.Handler {
	s := &server{store}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /links", s.list)
	mux.HandleFunc("POST /links", s.add)
	mux.HandleFunc("DELETE /links/{code}", s.remove)
	mux.HandleFunc("GET /{code}", s.follow)
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *server) list(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.store.Top())
}

func (s *server) add(w http.ResponseWriter, r *http.Request) {
	var body struct {
		URL string `json:"url"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	link, err := s.store.Add(body.URL)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err)
		return
	}
	answer(w, http.StatusCreated, link)
}

func (s *server) remove(w http.ResponseWriter, r *http.Request) {
	if err := s.store.Remove(r.PathValue("code")); errors.Is(err, links.ErrNotFound) {
		refuse(w, http.StatusNotFound, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) follow(w http.ResponseWriter, r *http.Request) {
	url, err := s.store.Follow(r.PathValue("code"))
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	http.Redirect(w, r, url, http.StatusFound)
}
