package pool

import "math/rand/v2"

// route says what decides about the nsqd of a publish.
type route struct {
	keyed bool
	key   uint64 // its hash
}

// choose returns the member for a publish, another than the one to avoid if there is any. It never returns nil: where all are
// broken a publish is tried all the same, since somebody has to tell how it fails.
func (p *Pool) choose(r route, avoid *member) *member {
	members := p.members.Load().active
	switch {
	case len(members) == 1:
		return members[0]
	case r.keyed:
		return p.highest(members, r.key, avoid)
	case p.options.mode == Primary:
		return p.first(members, avoid)
	}
	i, j := rand.IntN(len(members)), rand.IntN(len(members)-1)
	if j >= i {
		j++
	}
	m, other := members[i], members[j]
	if m == avoid || other != avoid && other.producer.Pending() < m.producer.Pending() {
		m = other
	}
	if m.grade(p) == fit {
		return m
	}
	return p.best(members, i, avoid)
}

// best returns, of the members of the best grade, the one with the fewest publishes pending, the first from start on.
func (p *Pool) best(members []*member, start int, avoid *member) (best *member) {
	var lowest grade
	var fewest int
	for i := range members {
		m := members[(start+i)%len(members)]
		if m == avoid {
			continue
		}
		g, pending := m.grade(p), m.producer.Pending()
		if best == nil || g < lowest || g == lowest && pending < fewest {
			best, lowest, fewest = m, g, pending
		}
	}
	return best
}

// first returns the first member of the best grade; of several connections to its nsqd the one with the fewest publishes pending.
func (p *Pool) first(members []*member, avoid *member) (best *member) {
	var lowest grade
	for _, m := range members {
		if m == avoid {
			continue
		}
		g := m.grade(p)
		if best == nil || g < lowest ||
			g == lowest && m.addr == best.addr && m.producer.Pending() < best.producer.Pending() {
			best, lowest = m, g
		}
	}
	return best
}

// highest returns the member with the highest score for the key among those that are not broken: rendezvous hashing, by which
// a member that comes or goes moves its own keys and no others.
func (p *Pool) highest(members []*member, key uint64, avoid *member) (best *member) {
	var highest uint64
	broken := true // best is
	for _, m := range members {
		if m == avoid {
			continue
		}
		unfit := m.grade(p) == unfit
		if s := score(key, m.place); best == nil || broken && !unfit || broken == unfit && s > highest {
			best, highest, broken = m, s, unfit
		}
	}
	return best
}

// score mixes a key and a member's place into a number that is as good as random, and the same in every process. The mixer is
// the last step of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
func score(key, place uint64) uint64 {
	z := key ^ place
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hash is FNV-1a of 64 bits: hash/fnv would have it too, but not of a string without a copy.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
