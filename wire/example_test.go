package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/nsqactor/producer/wire"
)

func ExampleAppendPub() {
	buf := []byte(wire.Magic) // opens the connection, once
	buf, err := wire.AppendPub(buf, "orders", []byte("paid"))
	fmt.Printf("%q %v\n", buf, err)

	// A topic that would break the stream is refused, and buf is as it was.
	buf, err = wire.AppendPub(buf[:0], "orders\nNOP", []byte("paid"))
	fmt.Printf("%q %v\n", buf, err)
	// Output:
	// "  V2PUB orders\n\x00\x00\x00\x04paid" <nil>
	// "" invalid topic "orders\nNOP": byte "\n" at offset 6 is not one of [.a-zA-Z0-9_-]
}

func ExampleAppendMPub() {
	batch := [][]byte{[]byte("paid"), []byte("sent")}
	buf, err := wire.AppendMPub(nil, "orders", batch)
	fmt.Printf("%q %v\n", buf, err)
	fmt.Println("to hold against -max-body-size:", wire.MPubSize(batch))

	_, err = wire.AppendMPub(nil, "orders", [][]byte{[]byte("paid"), nil})
	fmt.Println(err)
	// Output:
	// "MPUB orders\n\x00\x00\x00\x14\x00\x00\x00\x02\x00\x00\x00\x04paid\x00\x00\x00\x04sent" <nil>
	// to hold against -max-body-size: 20
	// message 1 of the batch: nothing to publish: the body is empty
}

func ExampleReader() {
	var conn bytes.Buffer // stands for the connection to nsqd
	conn.Write(wire.AppendOK(nil))
	conn.Write(wire.AppendHeartbeat(nil))
	conn.Write(wire.AppendFrame(nil, wire.FrameError, "E_PUB_FAILED PUB failed exiting"))

	r := wire.NewReader(&conn)
	for {
		frame, err := r.Next()
		switch {
		case err == io.EOF:
			fmt.Println("nsqd closed the connection")
			return
		case err != nil:
			fmt.Println("lost:", err)
			return
		case frame.IsHeartbeat(): // first: it answers no command
			fmt.Printf("heartbeat: answer with %q\n", wire.AppendNop(nil))
		case frame.IsOK():
			fmt.Println("the oldest command is acknowledged")
		case frame.Type == wire.FrameError:
			fmt.Println("the oldest command is refused:", wire.ParseError(frame.Data))
		default:
			fmt.Println("nobody asked for", frame.Type)
			return
		}
	}
	// Output:
	// the oldest command is acknowledged
	// heartbeat: answer with "NOP\n"
	// the oldest command is refused: nsqd: E_PUB_FAILED PUB failed exiting
	// nsqd closed the connection
}

// Whether a refused publish is worth another try, and whether that may store a message twice, are two questions.
func ExampleReplyError() {
	refusals := []error{
		wire.ParseError([]byte("E_BAD_TOPIC PUB topic name \"a/b\" is not valid")),
		fmt.Errorf("publish: %w", wire.ParseError([]byte("E_PUB_FAILED PUB failed exiting"))),
		wire.ParseError([]byte("E_MPUB_FAILED MPUB failed exiting")),
		io.ErrUnexpectedEOF,
	}
	for _, err := range refusals {
		var reply *wire.ReplyError
		if !errors.As(err, &reply) {
			fmt.Println("not nsqd's words:", err)
			continue
		}
		fact := reply.Fact()
		switch {
		case fact.Retry != wire.RetryLater:
			fmt.Println(reply.Code, "give up; retry:", fact.Retry)
		case fact.MayBeStored:
			fmt.Println(reply.Code, "retry, at the price of duplicates:", fact.Retry)
		default:
			fmt.Println(reply.Code, "retry, without duplicates:", fact.Retry)
		}
	}
	// Output:
	// E_BAD_TOPIC give up; retry: never
	// E_PUB_FAILED retry, without duplicates: after a pause
	// E_MPUB_FAILED retry, at the price of duplicates: after a pause
	// not nsqd's words: unexpected EOF
}
