package actor

import "testing"

// BenchmarkPool takes a transaction and gives it back, as each publish does, on all processors at once: from the sync.Pool that
// the producer has, and from a channel of free ones.
func BenchmarkPool(b *testing.B) {
	b.Run("sync.Pool", func(b *testing.B) {
		var free pools
		shareTransactions(b, func() *Transaction {
			if t := free.get(128); t != nil {
				return t
			}
			return &Transaction{}
		}, free.put)
	})
	b.Run("channel", func(b *testing.B) {
		free := make(chan *Transaction, 4096)
		shareTransactions(b, func() *Transaction {
			select {
			case t := <-free:
				return t
			default:
				return &Transaction{}
			}
		}, func(t *Transaction) {
			select {
			case free <- t:
			default:
			}
		})
	})
}

func shareTransactions(b *testing.B, get func() *Transaction, put func(*Transaction)) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			put(get())
		}
	})
}
