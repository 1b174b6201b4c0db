package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/actor/pool/lookup"
)

// within is a bound for what ought to happen at once.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// newClient returns a client that leaves nothing behind.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// serve starts an nsqlookupd that has one thing to say.
func serve(t *testing.T, status int, answer string) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "GET /nodes", r.Method+" "+r.URL.Path)
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// ask makes a resolver of these nsqlookupd and asks it once.
func ask(t *testing.T, addrs ...string) ([]string, error) {
	resolve, err := lookup.Nsqlookupd(addrs, newClient())
	require.NoError(t, err)
	return resolve(within(t))
}

// As nsqlookupd v1.3.0 answered, but for the hosts.
const captured = `{"producers":[` +
	`{"remote_address":"127.0.0.1:41958","hostname":"b","broadcast_address":"b.internal","tcp_port":4150,"http_port":4151,` +
	`"version":"1.3.0","tombstones":[true,false],"topics":["orders","events"]},` +
	`{"remote_address":"127.0.0.1:41960","hostname":"a","broadcast_address":"a.internal","tcp_port":4150,"http_port":4151,` +
	`"version":"1.3.0","tombstones":[],"topics":[]}]}`

func TestShapes(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   []string
	}{
		"sorted, the tombstoned one too": {captured, []string{"a.internal:4150", "b.internal:4150"}},
		"the older envelope":             {`{"status_code":200,"status_txt":"OK","data":` + captured + `}`, []string{"a.internal:4150", "b.internal:4150"}},
		"none":                           {`{"producers":[]}`, nil},
		"none in an envelope":            {`{"status_code":200,"status_txt":"OK","data":{"producers":[]}}`, nil},
		"IPv6": {`{"producers":[{"broadcast_address":"fd00::1","tcp_port":1},{"broadcast_address":"fe80::1%eth0","tcp_port":65535}]}`,
			[]string{"[fd00::1]:1", "[fe80::1%eth0]:65535"}},
		"one twice": {`{"producers":[{"broadcast_address":"a","tcp_port":1},{"broadcast_address":"a","tcp_port":2},` +
			`{"broadcast_address":"a","tcp_port":1}]}`, []string{"a:1", "a:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			addrs, err := ask(t, serve(t, http.StatusOK, c.answer).URL)
			require.NoError(t, err)
			require.Equal(t, c.want, addrs)
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		want   []string
	}{
		"an error":               {500, `{"message":"INTERNAL_ERROR"}`, []string{"500 Internal Server Error", "INTERNAL_ERROR"}},
		"not there":              {404, `{"message":"NOT_FOUND"}`, []string{"404 Not Found"}},
		"a long error":           {503, strings.Repeat("x", 1000), []string{"503", strings.Repeat("x", 200) + `"`}},
		"an error in a success":  {200, `{"status_code":500,"status_txt":"INVALID_REQUEST","data":null}`, []string{`status_code 500: "INVALID_REQUEST"`}},
		"nothing":                {200, "", []string{"unexpected end"}},
		"no JSON":                {200, "<html>", []string{"invalid character", "<html>"}},
		"half of it":             {200, captured[:len(captured)-2], []string{"unexpected end", "b.internal"}},
		"more than it":           {200, captured + "x", []string{"invalid character"}},
		"something else":         {200, `{"topics":["t"]}`, []string{"no producers", "topics"}},
		"something else, nested": {200, `{"status_code":200,"data":{"topics":[]}}`, []string{"no producers"}},
		"null":                   {200, `null`, []string{"no producers"}},
		"a list that is none":    {200, `{"producers":{"a":1}}`, []string{"producers"}},
		"a port that is none":    {200, `{"producers":[{"broadcast_address":"a","tcp_port":"4150"}]}`, []string{"tcp_port"}},
		"no broadcast address":   {200, `{"producers":[{"remote_address":"10.0.0.7:999","hostname":"h","tcp_port":4150}]}`, []string{"10.0.0.7:999", `"h"`, "broadcast_address is empty"}},
		"no port":                {200, `{"producers":[{"broadcast_address":"a"}]}`, []string{`node "a"`, "tcp_port is 0"}},
		"a negative port":        {200, `{"producers":[{"broadcast_address":"a","tcp_port":-1}]}`, []string{"tcp_port is -1"}},
		"a port too high":        {200, `{"producers":[{"broadcast_address":"a","tcp_port":1},{"broadcast_address":"b","tcp_port":65536}]}`, []string{`node "b"`, "tcp_port is 65536"}},
		"a port in the address":  {200, `{"producers":[{"broadcast_address":"a:4150","tcp_port":4150}]}`, []string{`node "a:4150"`, "colon"}},
		"a node that is null":    {200, `{"producers":[null]}`, []string{"broadcast_address is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, c.status, c.answer)
			addrs, err := ask(t, srv.URL)
			require.Empty(t, addrs)
			for _, want := range append(c.want, srv.URL) {
				assert.ErrorContains(t, err, want)
			}
			assert.Less(t, len(err.Error()), 700)
		})
	}
}

// An answer of the largest size is taken, one that is larger is not read to its end.
func TestLargeAnswers(t *testing.T) {
	const most = 16 << 20
	addrs, err := ask(t, serve(t, http.StatusOK, captured+strings.Repeat(" ", most-len(captured))).URL)
	require.NoError(t, err)
	require.Len(t, addrs, 2)

	sent := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, captured)
		_, err := io.Copy(w, io.LimitReader(spaces{}, 1<<40))
		sent <- err
	}))
	defer srv.Close()
	_, err = ask(t, srv.URL)
	require.ErrorContains(t, err, "larger than 16777216 bytes")
	require.Error(t, <-sent)
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) { return copy(p, strings.Repeat(" ", len(p))), nil }

// What is asked, and of whom.
func TestRequest(t *testing.T) {
	got := make(chan *http.Request, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		io.WriteString(w, captured)
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	for addr, path := range map[string]string{host: "/nodes", srv.URL + "/": "/nodes", srv.URL + "/nsq/one": "/nsq/one/nodes"} {
		_, err := ask(t, addr)
		require.NoError(t, err)
		r := <-got
		assert.Equal(t, path, r.URL.Path)
		assert.Equal(t, "application/vnd.nsq; version=1.0", r.Header.Get("Accept"))
	}
}

func TestHTTPS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, captured) }))
	defer srv.Close()
	resolve, err := lookup.Nsqlookupd([]string{srv.URL}, srv.Client())
	require.NoError(t, err)
	addrs, err := resolve(within(t))
	require.NoError(t, err)
	require.Len(t, addrs, 2)
}

func one(addr string) string {
	return fmt.Sprintf(`{"producers":[{"broadcast_address":"both","tcp_port":4150},{"broadcast_address":%q,"tcp_port":4150}]}`, addr)
}

// The answer is the union of those that answer; when none does, each is named with what it is blamed for.
func TestSeveral(t *testing.T) {
	leak.Check(t)
	a, b := serve(t, http.StatusOK, one("a")), serve(t, http.StatusOK, one("b"))
	broken, gone := serve(t, http.StatusInternalServerError, "broken"), serve(t, http.StatusOK, one("c"))
	gone.Close()

	addrs, err := ask(t, b.URL, a.URL)
	require.NoError(t, err)
	require.Equal(t, []string{"a:4150", "b:4150", "both:4150"}, addrs)

	addrs, err = ask(t, broken.URL, a.URL, gone.URL)
	require.NoError(t, err)
	require.Equal(t, []string{"a:4150", "both:4150"}, addrs)

	addrs, err = ask(t, gone.URL, broken.URL)
	require.Empty(t, addrs)
	require.ErrorContains(t, err, "lookup: nsqlookupd "+gone.URL+"/nodes: dial tcp")
	require.ErrorContains(t, err, "\nnsqlookupd "+broken.URL+`/nodes: status 500 Internal Server Error: "broken"`)
	require.Equal(t, 1, strings.Count(err.Error(), gone.URL), "named once")
}

// silence is an nsqlookupd that takes requests, says the beginning, and is heard no more until it is closed.
func silence(t *testing.T, beginning string) (srv *httptest.Server, asked chan struct{}) {
	asked = make(chan struct{}, 10)
	end := make(chan struct{})
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, beginning)
		w.(http.Flusher).Flush()
		asked <- struct{}{}
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(end) })
	return srv, asked
}

// One that says nothing is given up after 2 s, and is no worse than one that cannot be reached.
func TestSilence(t *testing.T) {
	t.Parallel()
	a := serve(t, http.StatusOK, one("a"))
	silent, _ := silence(t, captured[:20])
	began := time.Now()
	addrs, err := ask(t, silent.URL, a.URL)
	require.NoError(t, err)
	require.Equal(t, []string{"a:4150", "both:4150"}, addrs)
	require.GreaterOrEqual(t, time.Since(began), 2*time.Second)
	require.Less(t, time.Since(began), 10*time.Second)
}

// The client's Timeout, where it is shorter, and the end of the context end the waiting.
func TestGivenUp(t *testing.T) {
	leak.Check(t)
	silent, asked := silence(t, "")
	client := newClient()
	client.Timeout = time.Millisecond
	resolve, err := lookup.Nsqlookupd([]string{silent.URL}, client)
	require.NoError(t, err)
	_, err = resolve(within(t))
	require.ErrorContains(t, err, "Client.Timeout")
	require.ErrorContains(t, err, silent.URL)

	a := serve(t, http.StatusOK, one("a"))
	resolve, err = lookup.Nsqlookupd([]string{a.URL, silent.URL}, newClient())
	require.NoError(t, err)
	for len(asked) > 0 {
		<-asked
	}
	ctx, cancel := context.WithCancel(within(t))
	go func() {
		<-asked
		cancel()
	}()
	began := time.Now()
	addrs, err := resolve(ctx)
	require.Less(t, time.Since(began), 1500*time.Millisecond, "not the 2 s")
	if err == nil { // a had answered by then
		require.Equal(t, []string{"a:4150", "both:4150"}, addrs)
	} else {
		require.ErrorIs(t, err, context.Canceled)
	}

	_, err = resolve(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNsqlookupdRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		addrs []string
		want  []string
	}{
		"no address":         {nil, []string{"no address of an nsqlookupd"}},
		"an empty one":       {[]string{"127.0.0.1:4161", ""}, []string{"an address is empty"}},
		"no port":            {[]string{"127.0.0.1"}, []string{`"127.0.0.1" is not host:port`}},
		"an empty port":      {[]string{"127.0.0.1:"}, []string{"is not host:port"}},
		"no host":            {[]string{":4161"}, []string{`:4161" has no host`}},
		"a port of letters":  {[]string{"127.0.0.1:http"}, []string{`"127.0.0.1:http"`, "invalid port"}},
		"another scheme":     {[]string{"tcp://127.0.0.1:4160"}, []string{"scheme tcp", "http or https"}},
		"a URL without host": {[]string{"http:///nodes"}, []string{"no host"}},
		"a secret":           {[]string{"ftp://me:s3cret@host"}, []string{"scheme ftp", "me:xxxxx@host"}},
		"two bad ones":       {[]string{"a", "b:1", "ftp://c"}, []string{`"a"`, "ftp://c"}},
	} {
		t.Run(name, func(t *testing.T) {
			resolve, err := lookup.Nsqlookupd(c.addrs, nil)
			require.Nil(t, resolve)
			for _, want := range append(c.want, "lookup: ") {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "s3cret")
		})
	}
}

// A nil client is one that keeps no connection, and a password is sent, but not told when it fails.
func TestDefaultClient(t *testing.T) {
	leak.Check(t)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		assert.Equal(t, "s3cret", password)
		assert.True(t, r.Close)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer broken.Close()
	resolve, err := lookup.Nsqlookupd([]string{"http://me:s3cret@" + strings.TrimPrefix(broken.URL, "http://")}, nil)
	require.NoError(t, err)
	_, err = resolve(within(t))
	require.ErrorContains(t, err, "418")
	require.NotContains(t, err.Error(), "s3cret")
	broken.Close()
	_, err = resolve(within(t))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
}

// What the client says stays to be found.
func TestErrorsKeepTheirIdentity(t *testing.T) {
	lost := errors.New("no route")
	resolve, err := lookup.Nsqlookupd([]string{"127.0.0.1:1"}, &http.Client{Transport: refusing{lost}})
	require.NoError(t, err)
	_, err = resolve(within(t))
	require.ErrorIs(t, err, lost)
}

type refusing struct{ err error }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }
