// Package lookup finds the nsqd of a pool: it has resolvers for [pool.WithResolver]. It stands apart from package pool, so that
// who needs none of them does not compile net/http.
//
//	resolve, err := lookup.Nsqlookupd([]string{"10.0.0.1:4161", "10.0.0.2:4161"}, nil)
//	...
//	p, err := pool.New(nil, nil, pool.WithResolver(resolve, 15*time.Second))
//
// A resolver holds nothing but what it was made with: it asks anew each time, waits for the answers until its context ends at most,
// and may be called by several goroutines at once. To make one waits for nothing.
//
// With Config.TlsV1 a certificate must name what the resolver answers: the broadcast address of each nsqd, or, with [Host], its IP
// address; or Config.TlsConfig.ServerName what it names instead.
package lookup
