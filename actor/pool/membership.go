package pool

import (
	"slices"
	"strings"

	"github.com/nsqactor/producer/actor"
)

// membership is who belongs to the pool. It never changes: the keeper replaces it by another one.
type membership struct {
	active  []*member       // in the order of the addresses; the connections to one address stand together
	leaving []*member       // get nothing new
	gone    actor.Stats     // of those who have left
	times   actor.Histogram // theirs
}

func (m *membership) clone() *membership {
	next := *m
	next.active, next.leaving = slices.Clone(m.active), slices.Clone(m.leaving)
	return &next
}

// join returns the membership with one more address.
func (p *Pool) join(m *membership, addr string) (*membership, error) {
	next := m.clone()
	for i := range p.options.connections {
		one, err := newMember(p, addr, i)
		if err != nil {
			return nil, err
		}
		next.active = append(next.active, one)
	}
	return next, nil
}

// part returns the membership with the members of an address leaving, and these.
func (m *membership) part(addr string) (*membership, []*member) {
	next := membership{leaving: slices.Clone(m.leaving), gone: m.gone, times: m.times}
	var parting []*member
	for _, one := range m.active {
		if one.addr == addr {
			parting = append(parting, one)
		} else {
			next.active = append(next.active, one)
		}
	}
	next.leaving = append(next.leaving, parting...)
	return &next, parting
}

// bury returns the membership without a member that was leaving and has ended; its account stays.
func (m *membership) bury(one *member) *membership {
	next := m.clone()
	next.leaving = slices.DeleteFunc(next.leaving, func(other *member) bool { return other == one })
	addAccount(&next.gone, one.producer.Stats())
	next.times.Add(one.producer.AckTimes())
	return next
}

// all calls each with every member, leaving ones too.
func (m *membership) all(each func(*member)) {
	for _, one := range m.active {
		each(one)
	}
	for _, one := range m.leaving {
		each(one)
	}
}

// addrs returns the active members' addresses, each once.
func (m *membership) addrs() []string {
	var addrs []string
	for _, one := range m.active {
		if one.connection == 0 {
			addrs = append(addrs, one.addr)
		}
	}
	return addrs
}

func (m *membership) String() string { return strings.Join(m.addrs(), ",") }
