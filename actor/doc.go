// Package actor publishes to NSQ. A [Producer] takes publishes from any number of goroutines, sends them to one nsqd over one
// connection, and tells the truth about each.
//
// # Outcomes
//
// Every publish ends exactly once, in one of four ways, which [OutcomeOf] tells from its error:
//
//   - [Acked] (the error is nil): nsqd answered OK. It has the message, in its memory queue or in the kernel's page cache: an
//     nsqd that is killed may lose it, one that is stopped does not. A topic that ends in "#ephemeral" drops messages beyond its
//     memory queue and answers OK all the same. A deferred message's delay is kept in memory alone: an nsqd that was stopped
//     delivers it at once when it is back.
//   - [Refused]: nsqd answered with an error frame and stored nothing. errors.As finds the [*wire.ReplyError], whose Fact says
//     whether to try again. (It finds one in some that were not sent, too: nsqd refused the connection. OutcomeOf decides.)
//   - [NotSent]: the message is certainly not stored. To publish it again cannot duplicate it.
//   - [Unknown]: it was written, or may have been, and the connection or the caller's context ended before an answer. To publish
//     it again may duplicate it. E_MPUB_FAILED is unknown too, since nsqd may have stored some of the batch.
//
// The rules behind the last two: nsqd executes a connection's commands one by one and answers in that order. So what stands
// behind an error frame was not executed, and what the kernel did not get whole was not stored; what it got whole and nsqd did
// not answer may have been. What is certainly not stored is sent again by itself on the next connection, before anything newer.
//
// No client can mend one thing: nsqd closes behind an error frame, and what of ours it has not read by then makes that a
// reset, in which answers that nsqd's kernel had not sent yet are lost. What they would have answered is unknown. That needs
// more than about ten unanswered commands, each by itself, as on many topics or with folding off.
//
// # Ownership
//
//   - Topic, body, bodies and args are yours. They are copied, and may be reused as soon as the call returns, whatever ended it;
//     what args refer to is not copied. Errors keep nothing of their memory.
//   - A done channel is yours. It gets one result for each publish that was accepted with it, and must not be closed before the
//     last; the producer never closes it. For its reader wait asynchronous publishes, once MaxPending results are outstanding, and
//     Shutdown, until its bound is over; nobody else does.
//   - A [Transaction] is its receiver's, from done until Release. Who never releases pays an allocation, not a place.
//   - A [Config] is yours, and so is its TlsConfig: NewProducer copies both. The functions and the Logger in it are called by the
//     producer's goroutines.
//   - A [Producer] is used by any number of goroutines at once, and stopped by whoever made it. One that was used and is never
//     stopped keeps its connection and its goroutines; a stopped one stays so.
//
// # Goroutines
//
//	caller --mailbox--> loop --bytes--> nsqd --bytes--> reader --replies--> loop --done--> caller
//
// The loop, one per producer, is the actor: it owns what is queued and in flight, the write half of the connection, and every
// decision. A connection has one goroutine, which dials, shakes hands, and then reads. A courier delivers results to a done
// channel that has no room, a scribe writes the log; both are there only while they have work. A producer that was never used
// has no goroutine, one at rest has two, one that was stopped has none.
//
// Shared between them are atomic flags (package state), atomic counters, values that never change, and channels. There are no
// mutexes of our own: hand-off is by channel, and a Go channel has a lock inside.
//
// # Limits
//
// Each is a field of [Config] by its name, with its default:
//
//   - MaxPending, 4,096 publishes, and MaxPendingBytes, 33,554,432 bytes: accepted and not ended, queued and written. Beyond that
//     calls wait their turn, in the order in which they came, until their context ends; TryPublishAsync returns [ErrFull].
//     MaxPending also bounds the asynchronous results that nobody has taken. There is one queue: what is published
//     asynchronously, and piles up before a slow nsqd, stands before the publish whose caller waits. What may be lost has a Producer
//     of its own, then, with a small MaxPending.
//   - MaxMsgSize, 1,048,576 bytes of one message, and MaxBodySize, 5,242,880 bytes of a MultiPublish: more is refused by
//     [wire.ErrSize] before a byte is written.
//   - FoldMessages, 256 messages, and FoldBytes, 262,144 bytes: of the publishes that go out as one command.
//   - DialTimeout, 1 s, and HandshakeTimeout, 5 s: of an attempt to connect.
//   - WriteTimeout, 1 s without progress, and ResponseTimeout, 5 s without an answer: then the connection is replaced.
//   - HeartbeatInterval, 30 s, and ReadTimeout, two of them: without a byte from nsqd, heartbeats included, the connection is lost.
//   - BackoffMin, 50 ms, and BackoffMax, 5 s: the pause behind an attempt that failed.
//   - MaxAttempts, 3 connections: that may be lost under one publish before it is reported as not sent.
//   - DeflateLevel, 6 of 9: how hard publishes are compressed, where Deflate is set.
//
// These stand for good: a topic of 1 to 64 bytes, by [wire.ErrTopic]; a delay of 1 h, by [wire.ErrDelay]; 5 s for Stop; 16 events
// that wait for a slow Logger, or 256 where there is a Trace.
//
// # Time
//
// PublishContext and its siblings return when their context ends, whatever the producer, the network or nsqd is doing: while
// they wait for room, for a connection, for their turn or for an answer.
//
// Without a context a call can take as long as what it waits for: an nsqd that is slow, but makes progress, is waited for, in a
// full producer's line too. An nsqd that makes none is given up: when it stops dead, with defaults, a publish that was written
// ends within some 5 s of the last answer; one that was not waits for the next connection, and if none can be had it ends some
// 6 s later. The longest, from when it has room, is MaxAttempts connections, each made at the last moment, that then answer
// nothing to the publishes before it: MaxAttempts × (DialTimeout + HandshakeTimeout + the longer of ResponseTimeout and
// WriteTimeout + 0.1 s), with defaults 33.3 s. Each publish before it that nsqd refuses adds the making of one more connection,
// and where nsqd could not store it (E_PUB_FAILED) a pause of at most twice BackoffMin. While the producer is known to be down,
// publishes fail at once. An nsqd that is back is noticed with the next attempt, up to BackoffMax later, by default 5 s: who can
// wait sets WaitConnected, who cannot a smaller BackoffMax.
//
// # Order
//
// The publishes of one goroutine to one topic are stored in their order as long as one connection lasts. What goes again after
// an error frame keeps its place. Across a lost connection order holds among what is sent again, not against what ended as
// unknown.
//
// # Folding
//
// nsqd answers each command by a system call of its own, so that the producer folds: publishes to one topic that go out in one
// write become one MPUB, of at most FoldMessages messages and FoldBytes bytes. What goes out together is what queued up while the
// writes before it were unanswered; nothing is held back to make it more. Each publish has its own outcome all the same:
//
//   - What nsqd does not take as a fold goes again in smaller parts: one by one where a message was too large (E_BAD_MESSAGE), so
//     that the guilty alone is refused; in folds of half the size where the whole was (E_BAD_BODY). Both cost a connection.
//   - When nsqd cannot store (E_MPUB_FAILED), all publishes of the fold are unknown, since it may have stored some: a lone PUB
//     would have been refused for certain. Who needs that sets FoldMessages to 1.
//   - Any other error frame refuses the whole fold; it has one topic.
//
// Once nsqd has refused a body as too big, bodies of that size and more are refused with its words, without being sent, until a
// connection ends without an error frame.
//
// A topic that nsqd does not let us publish to (E_UNAUTHORIZED) costs a connection, too, and from then on publishes to it are
// refused in the same way, but for one every 5 s, with which nsqd is asked again. That is so of 64 topics at a time.
//
// # Encryption, compression, authorisation
//
// TlsV1, Deflate or Snappy, and AuthSecret are as in go-nsq, but that TlsV1 is never given up in silence. With TLS or compression
// nobody can tell which plain bytes the kernel has: where a write of at most 64 KiB breaks off, all publishes that end in it, or
// before it in what the compressor still held, are unknown, unless not one byte of it went out.
//
// # Seeing inside
//
// Stats has the account, how much is queued and in flight, how batches form, and the last error; AckTimes has a histogram of what
// acknowledgements took. Neither waits for anything or allocates. Config.Logger hears of connections, Config.Trace of every batch
// and every move of the link too. Connect waits until nsqd can be published to.
//
// # Elsewhere
//
// Package actor/pool has several nsqd behind the same methods, package wire/wiretest an nsqd for tests. Who comes from go-nsq finds
// what its names, options and habits have become in README.md, under "Moving over from go-nsq".
package actor
