package nsqdtest

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// client keeps no connection open, so that a test that counts descriptors or goroutines sees only its own.
var client = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true},
	Timeout:   15 * time.Second,
}

// Get requests a path of the HTTP interface, such as "/ping" or "/stats?format=json", and returns the status and the body. No
// answer within 15 s fails the test; whatever the status is does not.
func (p *Process) Get(path string) (status int, body string) {
	p.t.Helper()
	return p.request(http.MethodGet, path, "")
}

// Post posts to a path of the HTTP interface, such as "/pub?topic=t", and returns the status and the answer's body. No answer
// within 15 s fails the test; whatever the status is does not.
func (p *Process) Post(path, body string) (status int, answer string) {
	p.t.Helper()
	return p.request(http.MethodPost, path, body)
}

func (p *Process) request(method, path, body string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, "http://"+p.HTTPAddr+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		p.t.Fatalf("%v", err) // names the method and the address
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(answer)
}
