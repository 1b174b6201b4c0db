package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestFacts holds the table against what nsqd v1.3.0 does with the refused command.
func TestFacts(t *testing.T) {
	rows := []struct {
		code   string
		name   string
		stored bool
		retry  Retry
		why    string
	}{
		{CodeBadProtocol, "E_BAD_PROTOCOL", false, RetryNever, "the magic was wrong; no command was read"},
		{CodeInvalid, "E_INVALID", false, RetryNever, "no such command, a parameter missing or out of range, or the wrong state for it"},
		{CodeBadTopic, "E_BAD_TOPIC", false, RetryNever, "the name breaks the rules"},
		{CodeBadMessage, "E_BAD_MESSAGE", false, RetryNever, "a size is wrong; of an MPUB nothing is stored, since all is read first"},
		{CodeBadBody, "E_BAD_BODY", false, RetryNever, "a size, the JSON, an option or a count is out of range"},
		{CodePubFailed, "E_PUB_FAILED", false, RetryLater, "the topic is going away, or the disk write failed"},
		{CodeDPubFailed, "E_DPUB_FAILED", false, RetryLater, "the same"},
		{CodeMPubFailed, "E_MPUB_FAILED", true, RetryLater, "the same, but messages in front of the failing one are stored"},
		{CodeAuthFirst, "E_AUTH_FIRST", false, RetryAuth, "nsqd wants AUTH before this command"},
		{CodeAuthFailed, "E_AUTH_FAILED", false, RetryLater, "the auth server could not be asked"},
		{CodeUnauthorized, "E_UNAUTHORIZED", false, RetryNever, "the auth server says no"},
		{CodeAuthDisabled, "E_AUTH_DISABLED", false, RetryNoAuth, "nsqd has no auth server"},
		{CodeAuthError, "E_AUTH_ERROR", false, RetryLater, "nsqd could not send the answer to AUTH"},
		{CodeIdentifyFailed, "E_IDENTIFY_FAILED", false, RetryOtherwise, "two compressions at once, or the TLS handshake failed"},
	}
	named := map[string]bool{}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.name, row.code)
			fact := (&ReplyError{Code: row.name}).Fact()
			assert.Equal(t, Fact{MayBeStored: row.stored, Retry: row.retry}, fact, row.why)
			assert.Equal(t, fact, ParseError([]byte(row.name+" some text")).Fact(), "the text plays no part")
		})
		named[row.name] = true
	}
	for code := range codeFacts {
		assert.True(t, named[code], "%s is in the table of facts and not in this one", code)
	}
}

// For a code that is not in the table the rule for all error frames holds: not stored, and nothing speaks for trying again.
func TestFactOfUnknownCode(t *testing.T) {
	for _, code := range []string{"", "E_NEW", "E_AUTH_REQUIRED", "e_invalid", "E_INVALID ", "OK"} {
		assert.Equal(t, Fact{}, (&ReplyError{Code: code}).Fact(), "%q", code)
	}
	assert.Equal(t, Fact{MayBeStored: false, Retry: RetryNever}, Fact{})
}

func TestRetryString(t *testing.T) {
	want := map[Retry]string{
		RetryNever:     "never",
		RetryLater:     "after a pause",
		RetryAuth:      "after AUTH",
		RetryNoAuth:    "without AUTH",
		RetryOtherwise: "with other settings",
		99:             "unknown advice",
	}
	for retry, words := range want {
		assert.Equal(t, words, retry.String())
	}
}

func TestParseError(t *testing.T) {
	rows := []struct{ data, code, text, message string }{
		{"E_BAD_PROTOCOL", "E_BAD_PROTOCOL", "", "nsqd: E_BAD_PROTOCOL"},
		{"E_INVALID invalid command HELLO", "E_INVALID", "invalid command HELLO", "nsqd: E_INVALID invalid command HELLO"},
		{"E_BAD_TOPIC E_BAD_TOPIC MPUB", "E_BAD_TOPIC", "E_BAD_TOPIC MPUB", "nsqd: E_BAD_TOPIC E_BAD_TOPIC MPUB"},
		{"E_INVALID  two spaces", "E_INVALID", " two spaces", "nsqd: E_INVALID  two spaces"},
		{"E_INVALID ", "E_INVALID", "", "nsqd: E_INVALID"},
		{" text", "", "text", "nsqd:  text"},
		{"", "", "", "nsqd: "},
		{"\xff\x00", "\xff\x00", "", "nsqd: \xff\x00"},
	}
	for _, row := range rows {
		e := ParseError([]byte(row.data))
		assert.Equal(t, &ReplyError{Code: row.code, Text: row.text}, e, "%q", row.data)
		assert.Equal(t, row.message, e.Error())
	}
}

// The error outlives the Reader's memory, from which the frame came.
func TestParseErrorCopies(t *testing.T) {
	r := NewReader(strings.NewReader(string(AppendFrame(nil, FrameError, "E_INVALID text")) + string(AppendHeartbeat(nil))))
	f, err := r.Next()
	assert.NoError(t, err)
	reply := ParseError(f.Data)
	for i := range f.Data {
		f.Data[i] = '!'
	}
	assert.Equal(t, &ReplyError{"E_INVALID", "text"}, reply)
}

func TestReplyErrorIsFoundInAChain(t *testing.T) {
	err := fmt.Errorf("publish: %w", &ReplyError{Code: CodePubFailed})
	var reply *ReplyError
	assert.True(t, errors.As(err, &reply))
	assert.Equal(t, CodePubFailed, reply.Code)
	assert.NotErrorIs(t, err, ErrFrame, "nsqd speaking is not us rejecting bytes")
}
