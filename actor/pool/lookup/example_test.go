package lookup_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/actor/pool/lookup"
	"github.com/nsqactor/producer/wire/wiretest"
)

// directory stands for an nsqlookupd that knows one nsqd.
func directory(nsqd *wiretest.Server) *httptest.Server {
	host, port, _ := net.SplitHostPort(nsqd.Addr)
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"producers":[{"broadcast_address":%q,"tcp_port":%s}]}`, host, port)
	}))
}

// A pool of whatever nsqd two nsqlookupd know: they are asked when the pool is made, and then again and again.
func ExampleNsqlookupd() {
	one, other := wiretest.NewServer(), wiretest.NewServer()
	defer one.Close()
	defer other.Close()
	first, second := directory(one), directory(other)
	defer first.Close()
	defer second.Close()

	resolve, err := lookup.Nsqlookupd([]string{first.URL, second.URL}, nil) // or host:port, by default of port 4161
	if err != nil {
		log.Fatal(err)
	}
	p, err := pool.New(nil, nil, pool.WithResolver(resolve, 15*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()
	err = p.Publish("orders", []byte("apples"))
	fmt.Println(actor.OutcomeOf(err), len(p.Stats().Nodes))
	fmt.Println("stored:", one.MessageCount("orders")+other.MessageCount("orders"))
	// Output:
	// acked 2
	// stored: 1
}

// A name may stand for several nsqd, as that of a headless service does. Here it is an address, which is its own.
func ExampleHost() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()

	resolve, err := lookup.Host(nsqd.Addr, nil) // in a service "nsqd.internal:4150"
	if err != nil {
		log.Fatal(err)
	}
	addrs, err := resolve(context.Background())
	fmt.Println(len(addrs), addrs[0] == nsqd.Addr, err)

	_, err = lookup.Host("nsqd.internal", nil)
	fmt.Println(err)
	// Output:
	// 1 true <nil>
	// lookup: "nsqd.internal" is not host:port: address nsqd.internal: missing port in address
}
