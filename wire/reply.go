package wire

import "strings"

// ReplyError is nsqd speaking: the content of an error frame. For a producer every one is followed by the end of the
// connection, and commands behind the refused one are not executed (nsqio/nsq v1.3.0, nsqd/protocol_v2.go, IOLoop).
type ReplyError struct {
	Code string // the first word, such as CodeBadTopic
	Text string // the rest, for people; may be empty
}

// ParseError splits the data of an error frame at its first space. It keeps nothing of data's memory.
func ParseError(data []byte) *ReplyError {
	code, text, _ := strings.Cut(string(data), " ")
	return &ReplyError{Code: code, Text: text}
}

// Error returns what nsqd said, marked as nsqd's words.
func (e *ReplyError) Error() string {
	if e.Text == "" {
		return "nsqd: " + e.Code
	}
	return "nsqd: " + e.Code + " " + e.Text
}

// Fact returns what is known of the error's code. For a code that nsqd v1.3.0 does not have it says, like nsqd's rule for
// error frames, that nothing was stored, and advises never to retry.
func (e *ReplyError) Fact() Fact { return codeFacts[e.Code] }

// Codes of nsqd's error frames that a producer can meet. There is no E_AUTH_REQUIRED; the name is E_AUTH_FIRST.
const (
	CodeBadProtocol    = "E_BAD_PROTOCOL"
	CodeInvalid        = "E_INVALID"
	CodeBadTopic       = "E_BAD_TOPIC"
	CodeBadMessage     = "E_BAD_MESSAGE"
	CodeBadBody        = "E_BAD_BODY"
	CodePubFailed      = "E_PUB_FAILED"
	CodeDPubFailed     = "E_DPUB_FAILED"
	CodeMPubFailed     = "E_MPUB_FAILED"
	CodeAuthFirst      = "E_AUTH_FIRST"
	CodeAuthFailed     = "E_AUTH_FAILED"
	CodeAuthDisabled   = "E_AUTH_DISABLED"
	CodeAuthError      = "E_AUTH_ERROR"
	CodeUnauthorized   = "E_UNAUTHORIZED"
	CodeIdentifyFailed = "E_IDENTIFY_FAILED"
)

// Fact is what an error code says about the command that it answers.
type Fact struct {
	MayBeStored bool  // some of the command's messages may have been stored all the same
	Retry       Retry // when the same command can succeed
}

// Retry says when a refused command is worth sending again.
type Retry uint8

const (
	RetryNever     Retry = iota // the command itself is wrong, or not permitted
	RetryLater                  // nsqd could not just now: after a pause, or at another nsqd
	RetryAuth                   // once the connection has sent AUTH
	RetryNoAuth                 // on a connection that does not send AUTH
	RetryOtherwise              // with other connection settings
)

// String returns the advice in words.
func (r Retry) String() string {
	switch r {
	case RetryNever:
		return "never"
	case RetryLater:
		return "after a pause"
	case RetryAuth:
		return "after AUTH"
	case RetryNoAuth:
		return "without AUTH"
	case RetryOtherwise:
		return "with other settings"
	}
	return "unknown advice"
}

// codeFacts follows nsqio/nsq v1.3.0, nsqd/protocol_v2.go, tcp.go and topic.go.
var codeFacts = map[string]Fact{
	CodeBadProtocol:    {Retry: RetryNever},
	CodeInvalid:        {Retry: RetryNever},
	CodeBadTopic:       {Retry: RetryNever},
	CodeBadMessage:     {Retry: RetryNever},
	CodeBadBody:        {Retry: RetryNever},
	CodePubFailed:      {Retry: RetryLater},
	CodeDPubFailed:     {Retry: RetryLater},
	CodeMPubFailed:     {Retry: RetryLater, MayBeStored: true}, // PutMessages stores one by one and stops at a failed disk write
	CodeAuthFirst:      {Retry: RetryAuth},
	CodeAuthFailed:     {Retry: RetryLater},
	CodeAuthDisabled:   {Retry: RetryNoAuth},
	CodeAuthError:      {Retry: RetryLater},
	CodeUnauthorized:   {Retry: RetryNever},
	CodeIdentifyFailed: {Retry: RetryOtherwise},
}
