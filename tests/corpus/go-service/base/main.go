// linkd shortens links.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"example.com/linkd/internal/links"
	"example.com/linkd/internal/web"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(words []string, out, problems io.Writer) int {
	if len(words) == 0 {
		fmt.Fprintln(problems, "usage: linkd serve|call ...")
		return 2
	}
	flags := flag.NewFlagSet(words[0], flag.ContinueOnError)
	flags.SetOutput(problems)
	file := flags.String("file", "", "keep the links in this file")
	addr := flags.String("addr", ":8080", "where to listen")
	if err := flags.Parse(words[1:]); err != nil {
		return 2
	}
	store, err := links.Open(*file)
	if err != nil {
		fmt.Fprintln(problems, "linkd:", err)
		return 1
	}
	handler := web.Handler(store)
	switch words[0] {
	case "serve":
		fmt.Fprintln(problems, "linkd:", http.ListenAndServe(*addr, handler))
		return 1
	case "call":
		return call(handler, flags.Args(), out, problems)
	}
	fmt.Fprintln(problems, "linkd: no such command:", words[0])
	return 2
}

// call answers one request: its status on the first line, then where it leads, then its body.
func call(handler http.Handler, words []string, out, problems io.Writer) int {
	if len(words) < 2 {
		fmt.Fprintln(problems, "usage: linkd call METHOD PATH [BODY]")
		return 2
	}
	request := httptest.NewRequest(words[0], words[1], strings.NewReader(strings.Join(words[2:], " ")))
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	fmt.Fprintln(out, answer.Code)
	if to := answer.Header().Get("Location"); to != "" {
		fmt.Fprintln(out, to)
	}
	fmt.Fprint(out, answer.Body.String())
	return 0
}
