package actor

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Two goroutines may write to an edge, one at a time, as crypto/tls does, while the loop takes what there is: all of it comes
// out, in order.
func TestEdgeKeepsTheOrder(t *testing.T) {
	e := newEdge(nil)
	e.keeps = true
	const each = 20_000
	var turn sync.Mutex // stands for crypto/tls's own
	next, ended := byte(0), make(chan struct{}, 2)
	write := func() {
		for range each {
			turn.Lock()
			n, err := e.Write([]byte{next})
			next++
			turn.Unlock()
			if n != 1 || err != nil {
				panic("a write to memory failed")
			}
		}
		ended <- struct{}{}
	}
	go write()
	go write()
	taken, running := 0, 2
	for running > 0 || taken < 2*each {
		select {
		case <-ended:
			running--
		default:
		}
		buf := e.take(false)
		for _, b := range buf {
			require.Equal(t, byte(taken), b)
			taken++
		}
		e.giveBack(buf)
	}
	require.Nil(t, e.take(false))
	require.Equal(t, 2*each, taken)
}

// What the loop has written is there when it takes, although another writer may have it in hand at that moment.
func TestEdgeHasWhatWasWritten(t *testing.T) {
	e := newEdge(nil)
	e.keeps = true
	var turn sync.Mutex // stands for crypto/tls's own
	write := func(b byte) {
		turn.Lock()
		defer turn.Unlock()
		e.Write([]byte{b})
	}
	const loops, others = 'l', 'o'
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				write(others)
			}
		}
	}()
	for range 20_000 {
		write(loops)
		buf := e.take(true)
		require.Contains(t, string(buf), string(byte(loops)))
		e.giveBack(buf)
	}
	close(stop)
	<-ended
}

// During the handshake what is written goes out at once. Deadlines are not the layers' to set.
func TestEdgeInTheHandshake(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	e := newEdge(near)
	require.NoError(t, e.SetDeadline(time.Now()))
	require.NoError(t, e.SetWriteDeadline(time.Now()))
	got := make(chan byte, 1)
	go func() {
		var b [1]byte
		far.Read(b[:])
		got <- b[0]
	}()
	_, err := e.Write([]byte{7})
	require.NoError(t, err)
	require.EqualValues(t, 7, <-got)
	require.Nil(t, e.take(false))
}

// TestEdgeCopies: TLS writes from a buffer that it uses again for the next record.
func TestEdgeCopies(t *testing.T) {
	e := newEdge(nil)
	e.keeps = true
	record := []byte("first")
	for _, text := range []string{"first", "later"} {
		copy(record, text)
		_, err := e.Write(record)
		require.NoError(t, err)
	}
	clear(record)
	require.Equal(t, "firstlater", string(e.take(true)))
}
