package actor

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkFold is what a write costs beside the kernel's part, for each publish in it: to group by topic and to encode. With one
// topic that is one MPUB, with as many topics as publishes it is a PUB each; with FoldMessages 1 nothing is compared.
func BenchmarkFold(b *testing.B) {
	const publishes = 1000
	for _, topics := range []int{1, 4, 100, 1000} {
		for _, most := range []int{1, 256} {
			b.Run(fmt.Sprintf("topics=%d/FoldMessages=%d", topics, most), func(b *testing.B) {
				p, err := NewProducer("127.0.0.1:4150", nil)
				require.NoError(b, err)
				all := make([]*Transaction, publishes)
				for i := range all {
					r := request{topic: fmt.Sprint("topic-", i%topics), body: make([]byte, 128)}
					all[i] = p.fresh(publish, len(r.body))
					require.NoError(b, all[i].encode(&r))
				}
				f, out := &fold{mostMessages: most, mostBytes: 256 << 10}, &outbox{}
				b.ReportAllocs()
				b.ResetTimer()
				for n := 0; n < b.N; n += publishes {
					for _, t := range all {
						f.add(t)
					}
					for i := range f.groups {
						out.addGroup(&f.groups[i])
					}
					for _, t := range all {
						t.next = nil
					}
					f.reset()
					out.reset()
				}
			})
		}
	}
}
