package state

// crowd is how many callers there are at most. There are as many publishes, and transactions.
const crowd = 3

// world is everything that is shared, and where everybody is. It is bytes throughout, so that it is cheap to compare; what is
// not needed any more is set to zero, so that there are few that differ.
type world struct {
	phase    uint8 // the word of a PhaseCell
	bell     bool
	watched  bool
	stopping bool // closed,
	ended    bool // likewise
	mail     line

	transactions [crowd]transaction
	callers      [crowd]caller
	readers      [crowd]reader
	loop         loop
	shutdown     stopStep
}

// transaction is one, with its place in the pool.
type transaction struct {
	word   uint8 // of a ClaimCell: there are few turns
	pooled bool
	doubt  bool
	done   uint8 // results in its done channel
	result outcome
	serves uint8 // for the rules: whose publish it is, counted from 1; 0: nobody's
}

func (t *transaction) claim() Claim { return Claim(t.word & claimMask) }

// outcome is what is known of a publish that has ended.
type outcome uint8

const (
	none outcome = iota
	acked
	refused
	notSent
	unknown
	accounted // see drop
)

func (o outcome) String() string {
	return name([]string{"none", "acked", "refused", "not sent", "unknown", "accounted for"}, "outcome", uint32(o))
}

// line is a channel of transactions, or a ring of them. It says whose publish each is, so that it can be found out if it has
// become another's by the time it is looked at.
type line struct {
	n  uint8
	at [crowd]uint8
}

func (l *line) push(i uint8) {
	l.at[l.n] = i
	l.n++
}

func (l *line) pop() uint8 {
	first := l.at[0]
	copy(l.at[:], l.at[1:])
	l.n--
	l.at[l.n] = 0
	return first
}

func (l *line) has(i uint8) bool {
	for _, other := range l.at[:l.n] {
		if other == i {
			return true
		}
	}
	return false
}

// of returns the transaction of caller i's publish, or what was it.
func (w *world) of(i uint8) *transaction { return &w.transactions[w.callers[i].t] }

// touch stands where somebody reads or writes what a transaction carries, which is his while the claim is one of these. The
// claim itself may be looked at by anybody.
func (w *world) touch(i uint8, claims ...Claim) *transaction {
	t := w.of(i)
	if t.serves != i+1 {
		find("a transaction is touched that caller %d's publish has left", i)
	}
	for _, claim := range claims {
		if t.claim() == claim {
			return t
		}
	}
	find("a transaction is touched without its claim: it is %v", t.claim())
	return nil
}

// settle counts the outcome of caller i's publish.
func (w *world) settle(i uint8, o outcome) {
	c := &w.callers[i]
	if c.settled != none {
		find("caller %d's publish ends twice: %v, then %v", i, c.settled, o)
	}
	c.settled = o
}

// tell says how caller i's publish ended, to him or to whoever reads for him.
func (w *world) tell(i uint8, o outcome) {
	c := &w.callers[i]
	if c.told != none {
		find("caller %d is told twice: %v, then %v", i, c.told, o)
	}
	c.told = o
}

// put is pools.put, behind recycle.
func (w *world) put(t *transaction) {
	if t.pooled {
		find("a transaction is recycled twice")
	}
	if t.claim() != Free {
		find("a transaction is recycled that is %v", t.claim())
	}
	*t = transaction{word: t.word, done: t.done, pooled: true}
}

// drop takes out of the world what nothing depends on any more: callers who are through, how a publish ended if no rule can be
// broken by it, and transactions that nobody remembers. Such a one is as good as new, since a turn means nothing but to who
// compares it with another.
//
//go:norace
func (w *world) drop() {
	var remembered [crowd]bool
	for i := range w.callers {
		c, t := &w.callers[i], w.of(uint8(i))
		out := t.serves != uint8(i)+1 || t.claim() == GivenUp // it cannot be stored from now on
		if c.told != none && c.told == c.settled && (out || c.told == acked || c.told == unknown) {
			c.told, c.settled = accounted, accounted
		}
		if out && w.isThrough(uint8(i)) {
			*c = caller{at: callThrough, told: accounted, settled: accounted}
			w.readers[i] = reader{at: readThrough}
		} else if c.at > callFills {
			remembered[c.t] = true
		}
	}
	for k := range w.transactions {
		if t := &w.transactions[k]; !remembered[k] && (t.pooled || t.claim() == GivenUp) {
			*t = transaction{}
		}
	}
}

// isThrough reports whether caller i has nothing more to do with his publish, nor anybody for him.
//
//go:norace
func (w *world) isThrough(i uint8) bool {
	c, l := &w.callers[i], &w.loop
	if c.at != callThrough || !c.submitted {
		return c.at == callThrough
	}
	return c.settled != none && c.results == 0 && w.readers[i].at != readReleases && !w.mail.has(i) && !l.has(i)
}
