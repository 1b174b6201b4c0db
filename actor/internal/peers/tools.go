//go:build tools

package peers

// The programs that the tests start. Importing them here keeps them and what they need in go.mod and go.sum.
import (
	_ "github.com/nsqio/nsq/apps/nsq_tail"
	_ "github.com/nsqio/nsq/apps/nsqd"
	_ "github.com/nsqio/nsq/apps/nsqlookupd"
)
