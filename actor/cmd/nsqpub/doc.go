/*
Nsqpub publishes standard input to NSQ, one message a line, and accounts for every line.

	nsqpub --topic NAME [--nsqd-tcp-address HOST:PORT ...] [flags] < FILE
	nsqpub --topic NAME --lookupd-http-address HOST:PORT ... [flags] < FILE

# Flags

	--topic NAME                   the topic, required
	--nsqd-tcp-address HOST:PORT   nsqd's TCP port, by default 4150, not HTTP's 4151;
	                               or unix:/path, its Unix socket; may be given several
	                               times. Without it and the next flag a double of nsqd
	                               is started inside the program, which takes the messages
	                               and drops them
	--lookupd-http-address HOST:PORT
	                               nsqlookupd's HTTP port, by default 4161, or a URL: all
	                               nsqd that it knows are published to; may be given
	                               several times
	--mode MODE                    how one of several nsqd is chosen for a line, see below:
	                               least-pending (the default) or primary
	--delimiter BYTE               what ends a line (default \n): one byte, or one of
	                               \n \r \t \0 \\ \xHH
	--rate N                       at most N messages a second (default 0: no limit)
	--in-flight N                  at most N messages without an answer, up to 1000000
	                               (default 1024)
	--producer-opt NAME,VALUE      an option of the producer, see below; may be given
	                               several times
	--rejects FILE                 append each line that was not acknowledged to FILE
	--json                         write the summary to standard output, too, as JSON
	--version                      print the version and exit
	--help                         print this and exit

# Several nsqd

Each line is published to one nsqd; to_nsq publishes each to all. By the mode least-pending it is, of two drawn at random, the one
with fewer messages without an answer, so that one that is slow or has stopped gets fewer lines. By primary it is the first that
can be had, in the order of the flags, or of the addresses sorted as text. Lines keep no order among several.

A line that one nsqd certainly did not store is given to another, up to three times (option max_publish_attempts). Each nsqlookupd
is asked at the beginning and then every 8 to 15 seconds. An nsqd that none of them knows any more gets no further lines, unless
none answers or knows any: then all stays as it is.

# Lines

A line is what stands before a delimiter, or before the end of the input. Only the delimiter is taken off: a \r before \n is
part of the message. To a single nsqd messages go out in the order of their lines, on one connection; after a connection was
lost, it may have stored later lines without earlier ones. An empty line, and one above 1,048,576 bytes (nsqd's default limit; the
option max_msg_size sets another), is not sent and does not count in the rate. Long lines need no memory: what is above the limit
is passed through, not held.

# Producer options

The names are go-nsq's where it has them, with dashes or underscores; NAME alone means true. The last of a name counts, and an
option wins over a flag. go doc github.com/nsqactor/producer/actor.Config says what each does.

	client_id hostname user_agent local_addr auth_secret
	dial_timeout handshake_timeout read_timeout write_timeout response_timeout
	heartbeat_interval backoff_min backoff_max
	max_pending max_pending_bytes max_msg_size max_body_size
	fold_messages fold_bytes max_publish_attempts retry_unknown wait_connected
	tls_v1 tls_root_ca_file tls_cert tls_key tls_min_version
	tls_insecure_skip_verify deflate deflate_level auth_in_clear

Snappy is not among them: this program has no dependencies. wait_connected does nothing here, where no line has a deadline.
Times are written like 1500ms or 2s, sizes in bytes. A secret on the command line can be read by whoever may list the processes of
this host.

# Outcomes

Every line that was read ends in exactly one way:

	acked      nsqd has it
	refused    nsqd answered with an error, and did not store it
	not sent   certainly not stored: to publish it again cannot duplicate it
	unknown    written, but no answer came: to publish it again may duplicate it

Nothing waits for an nsqd to be reached: while none can be, lines are read and not sent.

At the end a summary goes to standard error, the counts always being read = acked + refused + not sent + unknown:

	read 100000  acked 100000  refused 0  not sent 0  unknown 0
	time 0.512 s  messages/s 195312  acknowledgement p50 4.128 ms  p99 8.447 ms

messages/s counts what was acked. p50 and p99 are of the time from the hand-over of a message to its acknowledgement, of all
acked messages, from a histogram of fixed size whose figures are up to 1.6 % too high. Below them stands, for each outcome
but acked that occurred, the first line that ended so, and why. For several nsqd there follows how lines ended at each, and how
many it had to leave to another:

	nsqd 10.0.0.1:4150  acked 66667  refused 0  not sent 0  unknown 0  moved on 0
	nsqd 10.0.0.2:4150  acked 33333  refused 0  not sent 0  unknown 0  moved on 12

Lines that were given to none, or that one had to leave to another and none took, are in the summary alone; what ended at nsqd
that none of the nsqlookupd knows any more stands together.

With --json the summary is written to standard output as well, as one object on one line, with nothing else there. Broken up for
reading, of two nsqd:

	{"read":100000, "acked":99999, "refused":0, "not_sent":1, "unknown":0,
	 "seconds":0.512, "messages_per_second":195310.5, "p50_ms":4.128, "p99_ms":8.447,
	 "nsqd":[{"address":"10.0.0.1:4150",
	          "acked":66666, "refused":0, "not_sent":0, "unknown":0, "moved_on":0},
	         {"address":"10.0.0.2:4150",
	          "acked":33333, "refused":0, "not_sent":0, "unknown":0, "moved_on":12}]}

p50_ms and p99_ms are null where nothing was acked. For a single nsqd there is no nsqd. What ended at those that have left, if
anything did, is nsqd_gone, an object like those of nsqd without an address. Where no address was given, "double":true says that
the built-in double took the messages, and dropped them. Whether the input was read to its end is told by the
exit status alone.

While the program runs and standard error is a terminal, a line of progress is renewed every second. The rate in it is the last
second's. Where standard input is a regular file, there follows how much of it is behind, and how long the rest takes if it goes
on as it has so far:

	50176 acked  25088 messages/s  1024 in flight  37%  3s left

# Rejects

FILE gets one line of JSON for each line of the input that was not acked, as soon as that is known, so not in order:

	{"line":3,"outcome":"not sent","error":"...","content":"..."}

line counts from 1. In place of content stands content_base64 where the line is not valid UTF-8 or is above the size limit
by much; either way it is the whole line without its delimiter. To publish again what cannot be duplicated by that, where it is
text:

	jq -r 'select(.outcome == "not sent") | .content // empty' FILE | nsqpub --topic NAME ...

# Signals

At SIGINT or SIGTERM nothing more is read. Lines that were read are published, and answers awaited, for 5 seconds
altogether; then the summary follows. A line of which only a part was read is not sent. A second signal ends the program at
once, without a summary.

# Exit status

	0   the input was read to its end and every line was acked; an empty input too
	1   some line was not acked, the input was not read to its end because of a signal
	    or a read error, or FILE or the JSON could not be written
	2   wrong usage, no nsqlookupd that knows an nsqd, or FILE cannot be opened:
	    nothing was read
*/
package main
