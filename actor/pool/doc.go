// Package pool publishes to several nsqd behind the methods of one [actor.Producer]. NSQ has no replication: each nsqd has its own
// messages, consumers read from all of them, and who publishes to several goes on when one is lost.
//
//	p, err := pool.New([]string{"10.0.0.1:4150", "10.0.0.2:4150", "10.0.0.3:4150"}, nil)
//
// A member is a Producer with a connection of its own; several nsqd, or several connections ([WithConnections]), are several members.
// All that package actor says of outcomes, ownership, contexts, limits and memory holds of each.
//
// # Outcomes
//
// Each publish has one of package actor's four, wherever it went. What a member certainly did not store, through no fault of the
// publish (see [actor.Movable]), is tried at another one: a call, by its own goroutine, within its context; an asynchronous publish,
// by the pool, on at most MaxAttempts other members. So MaxAttempts is not, as with a Producer alone, how many connections may be
// lost under a publish at one nsqd: there it is one. What may be stored is reported as Unknown, or, under RetryUnknown, tried
// elsewhere: then consumers may see it twice. Under WaitConnected a call with a context that can end waits while no nsqd can be had.
//
// What a stopped nsqd was given, and was not written, is free for another one when ResponseTimeout is over, by default 5 s. With
// a ResponseTimeout below the callers' deadline it is acknowledged elsewhere in time; otherwise it ends as not sent.
//
// # Ownership
//
// It is as in package actor. [New] keeps neither addrs nor opts. A [Resolver] is called by a goroutine of the pool's, and the functions
// in a Config by those of all members, at once.
//
// # Goroutines
//
//	caller --> member's mailbox, loop, nsqd, reader, loop --done--> caller
//	                               |
//	                   what it did not store --> mover --> another member's mailbox
//
// Beside its members' goroutines a pool has one that judges and replaces them, the keeper, from the first use on, and one for each
// member that moves what it hands back. Where a synchronous call goes next its own goroutine decides. Shared are atomic flags and
// counters, the list of members, which never changes but is replaced, and channels. A pool that was stopped has none.
//
// # Limits
//
//   - Addresses, 1 to 1,024; connections to each, 1 by default and 64 at most ([WithConnections]).
//   - A member's: MaxPending, MaxPendingBytes and all others of package actor, so that a pool of three has three times as many.
//   - MaxAttempts, 3 by default: at how many members a call is tried, or at all if they are more; how often an asynchronous publish
//     is moved on.
//   - A resolver is asked each 10 ms to 24 h, as [WithResolver] has it, and given 5 s, or that time where it is longer.
//   - A breaker: 0.5 s without an answer, BackoffMin and BackoffMax, and 0.1 s and 1 s of proving; see below.
//   - Stop: 5 s.
//
// # Which nsqd
//
// By default two members are drawn at random, and the one with fewer publishes pending is taken ([LeastPending]): so a slow nsqd,
// or one that has stopped dead, has at most as many publishes pending as the others, and their callers wait for it until their
// context ends or the producer gives it up. [Primary] takes the first address as long as it can be had. [Pool.ForKey] keeps what
// belongs together at one nsqd. Order is that of a Producer, on each member: across members there is none.
//
// # Breakers
//
// A member is broken from the moment a publish meets a failure there that is nsqd's or the network's: no connection, one that is
// lost, E_PUB_FAILED and its like. It is so, too, when it has answered nothing for a tenth of ResponseTimeout, by default 0.5 s,
// and not less than 0.1 s, although it was asked: by publishes, those included whose callers have left, or for a connection. It
// then gets nothing as long as another member can be had. Its producer goes on by itself to connect, behind a pause that doubles
// from BackoffMin to BackoffMax. Once it has a connection, and behind a pause of the breaker's own that doubles likewise, it
// proves itself: it may have one publish pending, twice as many after each 0.1 s, and after 1 s it is trusted; but keys come home
// all at once. All of this is decided every 25 ms.
package pool
