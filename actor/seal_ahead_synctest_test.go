//go:build go1.25

package actor

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// drudge is a layer that takes its time.
type drudge time.Duration

func (d drudge) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(d))
	return len(b), nil
}

// TestSealsForAMomentAtATime: between two looks at everything else the loop seals for 5 ms, and for the bite that it began.
func TestSealsForAMomentAtATime(t *testing.T) {
	const moment = 5 * time.Millisecond
	for each, bites := range map[time.Duration]int{moment / 2: 2, moment/2 + 1: 2, moment/2 - 1: 3, 10 * moment: 1, 0: 64} {
		synctest.Test(t, func(t *testing.T) {
			s := newSeal(nil)
			s.into, s.bite = drudge(each), pieceBytes/64
			var o outbox
			o.add(make([]byte, 2*pieceBytes))
			progress, err := (&connection{seal: s}).writeSealed(&o, 1)
			require.NoError(t, err)
			require.Equal(t, bites*s.bite, progress, "%v each", each)
			require.Equal(t, progress, o.sent)
		})
	}
}
