package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/linkd/internal/links"
)

func handler(t *testing.T) http.Handler {
	t.Helper()
	store, err := links.Open("")
	if err != nil {
		t.Fatal(err)
	}
	return Handler(store)
}

func send(handler http.Handler, method, path, body string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	return answer
}

const example = `{"url": "https://example.com/a"}`

func TestAddAndFollow(t *testing.T) {
	h := handler(t)
	added := send(h, "POST", "/links", example)
	if added.Code != http.StatusCreated {
		t.Fatalf("got %d: %s", added.Code, added.Body)
	}
	code := links.Code("https://example.com/a")
	if !strings.Contains(added.Body.String(), code) {
		t.Errorf("got %s", added.Body)
	}
	followed := send(h, "GET", "/"+code, "")
	if followed.Code != http.StatusFound || followed.Header().Get("Location") != "https://example.com/a" {
		t.Errorf("got %d, %v", followed.Code, followed.Header())
	}
}

func TestRefusesWhatIsNoAddress(t *testing.T) {
	if got := send(handler(t), "POST", "/links", `{"url": "nowhere"}`).Code; got != http.StatusUnprocessableEntity {
		t.Errorf("got %d", got)
	}
}

func TestUnknownCode(t *testing.T) {
	if got := send(handler(t), "GET", "/nobody", "").Code; got != http.StatusNotFound {
		t.Errorf("got %d", got)
	}
}

func TestRemove(t *testing.T) {
	h := handler(t)
	send(h, "POST", "/links", example)
	if got := send(h, "DELETE", "/links/"+links.Code("https://example.com/a"), "").Code; got != http.StatusNoContent {
		t.Errorf("got %d", got)
	}
	if got := send(h, "GET", "/links", "").Body.String(); got != "[]\n" {
		t.Errorf("got %s", got)
	}
}

func TestHealth(t *testing.T) {
	for _, path := range []string{"/healthz", "/ping"} {
		if got := send(handler(t), "GET", path, "").Code; got != http.StatusOK {
			t.Errorf("%s: got %d", path, got)
		}
	}
}

func TestLimit(t *testing.T) {
	h := handler(t)
	send(h, "POST", "/links", example)
	if got := strings.Count(send(h, "GET", "/links?limit=1", "").Body.String(), "url"); got != 2 {
		t.Errorf("got %d links", got)
	}
}
