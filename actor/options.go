package actor

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
)

// Set sets a field by the name of its option, for values that come from a command line or a file. The names are go-nsq's, and so
// are the ways to write a value; dashes may stand for underscores.
//
//	option                    field              value
//	dial_timeout              DialTimeout        duration from 1 ms to 24 h
//	handshake_timeout         HandshakeTimeout   duration from 1 ms to 24 h
//	read_timeout              ReadTimeout        duration from 1 ms to 24 h
//	write_timeout             WriteTimeout       duration from 1 ms to 24 h
//	response_timeout          ResponseTimeout    duration from 1 ms to 24 h
//	heartbeat_interval        HeartbeatInterval  duration from 1 s to 24 h; -1ms for none
//	max_pending               MaxPending         publishes, from 1 to 16,777,215
//	max_pending_bytes         MaxPendingBytes    bytes, from 1 to 1 TiB - 1
//	max_msg_size              MaxMsgSize         bytes, from 1 to 2 GiB - 1
//	max_body_size             MaxBodySize        bytes, from 1 to 2 GiB - 1
//	fold_messages             FoldMessages       messages, from 1
//	fold_bytes                FoldBytes          bytes, from 1 to 2 GiB - 1
//	backoff_min               BackoffMin         duration from 1 ms to 24 h
//	backoff_max               BackoffMax         duration from 1 ms to 24 h
//	max_publish_attempts      MaxAttempts        connections, from 1
//	retry_unknown             RetryUnknown       bool
//	wait_connected            WaitConnected      bool
//	client_id                 ClientID           text
//	hostname                  Hostname           text
//	user_agent                UserAgent          text
//	local_addr                LocalAddr          a net.Addr or "host:port", whose host, if it is a name, is looked up at once
//	tls_v1                    TlsV1              bool
//	tls_config                TlsConfig          a *tls.Config; what the options below have set before is gone
//	tls_root_ca_file          TlsConfig          name of a PEM file with the certificates of whom to trust
//	tls_cert                  TlsConfig          name of a PEM file with the client's certificate
//	tls_key                   TlsConfig          name of a PEM file with its key
//	tls_insecure_skip_verify  TlsConfig          bool: nsqd's certificate is not looked at
//	tls_min_version           TlsConfig          tls1.0, tls1.1, tls1.2 or tls1.3; not set, it is crypto/tls that decides
//	deflate                   Deflate            bool
//	deflate_level             DeflateLevel       from 1 to 9
//	snappy                    Snappy             bool, which needs SnappyReader and SnappyWriter, too
//	auth_secret               AuthSecret         text
//	auth_in_clear             AuthInClear        bool
//
// A duration is a string that [time.ParseDuration] takes, an integer of milliseconds, or a time.Duration. A bool is a bool, a
// string that [strconv.ParseBool] takes, or an integer, of which 0 is false. Bytes and other numbers are integers or strings of
// decimal digits, and text is a string, a []byte or a number. Integers may be of any of Go's own integer types.
//
// tls_cert and tls_key come in either order. The files are read when both are known; [Config.Validate] reports one that is
// without the other. These options never write to a tls.Config that they find in TlsConfig, but put a changed
// clone in its place.
//
// An error says what the value would have to be, and leaves c as it was. It holds the value, but never that of auth_secret. An
// option of go-nsq's consumers is an error that says so; one of them is max_attempts, which is not MaxAttempts. Set looks at each
// value by itself: whether all of them go together is for Validate to say, or for NewProducer. It waits for the files that it reads
// and the name that it looks up, and is not to be called while another goroutine uses c.
func (c *Config) Set(option string, value any) error {
	name := strings.ReplaceAll(option, "-", "_")
	var err error
	switch name {
	case "dial_timeout":
		err = setSpan(&c.DialTimeout, value, soon)
	case "handshake_timeout":
		err = setSpan(&c.HandshakeTimeout, value, soon)
	case "read_timeout":
		err = setSpan(&c.ReadTimeout, value, soon)
	case "write_timeout":
		err = setSpan(&c.WriteTimeout, value, soon)
	case "response_timeout":
		err = setSpan(&c.ResponseTimeout, value, soon)
	case "heartbeat_interval":
		err = setHeartbeat(&c.HeartbeatInterval, value)
	case "max_pending":
		err = setNumber(&c.MaxPending, value, maxGateCount)
	case "max_pending_bytes":
		err = setNumber(&c.MaxPendingBytes, value, maxGateBytes)
	case "max_msg_size":
		err = setNumber(&c.MaxMsgSize, value, math.MaxInt32)
	case "max_body_size":
		err = setNumber(&c.MaxBodySize, value, math.MaxInt32)
	case "fold_messages":
		err = setNumber(&c.FoldMessages, value, math.MaxInt32)
	case "fold_bytes":
		err = setNumber(&c.FoldBytes, value, math.MaxInt32)
	case "backoff_min":
		err = setSpan(&c.BackoffMin, value, soon)
	case "backoff_max":
		err = setSpan(&c.BackoffMax, value, soon)
	case "max_publish_attempts":
		err = setNumber(&c.MaxAttempts, value, math.MaxInt32)
	case "retry_unknown":
		err = setBool(&c.RetryUnknown, value)
	case "wait_connected":
		err = setBool(&c.WaitConnected, value)
	case "client_id":
		err = setText(&c.ClientID, value)
	case "hostname":
		err = setText(&c.Hostname, value)
	case "user_agent":
		err = setText(&c.UserAgent, value)
	case "local_addr":
		err = setAddr(&c.LocalAddr, value)
	case "tls_v1":
		err = setBool(&c.TlsV1, value)
	case "tls_config":
		err = c.setTLSConfig(value)
	case "tls_root_ca_file":
		err = c.setRootCA(value)
	case "tls_cert":
		err = c.setCert(value)
	case "tls_key":
		err = c.setKey(value)
	case "tls_insecure_skip_verify":
		err = c.setSkipVerify(value)
	case "tls_min_version":
		err = c.setMinVersion(value)
	case "deflate":
		err = setBool(&c.Deflate, value)
	case "deflate_level":
		err = setNumber(&c.DeflateLevel, value, 9)
	case "snappy":
		err = setBool(&c.Snappy, value)
	case "auth_secret":
		if err = setText(&c.AuthSecret, value); err != nil {
			return fmt.Errorf("option auth_secret is of type %T, must be %w", value, err)
		}
	case "auth_in_clear":
		err = setBool(&c.AuthInClear, value)
	case "max_attempts":
		return errors.New("option max_attempts is a consumer's; how often a publish is tried is max_publish_attempts")
	case "backoff_multiplier", "backoff_strategy", "default_requeue_delay", "lookupd_poll_interval", "lookupd_poll_jitter",
		"lookupd_poll_timeout", "low_rdy_idle_timeout", "low_rdy_timeout", "max_backoff_duration", "max_in_flight",
		"max_requeue_delay", "msg_timeout", "output_buffer_size", "output_buffer_timeout", "rdy_redistribute_interval",
		"sample_rate", "skip_lookupd_authorization":
		return fmt.Errorf("option %s is a consumer's; a producer has no use for it", name)
	default:
		return fmt.Errorf("option %.80q is unknown", option)
	}
	if err != nil {
		return fmt.Errorf("option %s is %s, must be %w", name, shown(value), err)
	}
	return nil
}

// shown returns a value as an error shows it.
func shown(value any) string {
	switch v := value.(type) {
	case nil, bool, time.Duration, net.Addr, float32, float64:
		return fmt.Sprint(v)
	case string, []byte:
		return fmt.Sprintf("%.80q", v)
	}
	if n, ok := integer(value); ok {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("of type %T", value)
}

// The setters below return nil, or what the value must be.

func setSpan(field *time.Duration, value any, least time.Duration) error {
	d, ok := span(value)
	if !ok || d < least || d > ages {
		return fmt.Errorf(`from %v to %v: a string such as "1500ms", an integer of milliseconds, or a time.Duration`, least, ages)
	}
	*field = d
	return nil
}

// setHeartbeat takes -1, which turns heartbeats off, as the field has it and as an integer of milliseconds.
func setHeartbeat(field *time.Duration, value any) error {
	if d, ok := span(value); ok && (d == off || d == off*time.Millisecond) {
		*field = off
		return nil
	}
	if err := setSpan(field, value, time.Second); err != nil {
		return fmt.Errorf("-1ms for none, or %w", err)
	}
	return nil
}

func setNumber(field *int, value any, most int64) error {
	n, ok := integer(value)
	if s, isString := value.(string); isString {
		var err error
		n, err = strconv.ParseInt(s, 10, 64)
		ok = err == nil
	}
	if !ok || n < 1 || n > min(most, math.MaxInt) {
		return fmt.Errorf("an integer from 1 to %d", min(most, math.MaxInt))
	}
	*field = int(n)
	return nil
}

func setBool(field *bool, value any) error {
	if n, ok := integer(value); ok {
		*field = n != 0
		return nil
	}
	switch v := value.(type) {
	case bool:
		*field = v
		return nil
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			*field = b
			return nil
		}
	}
	return errors.New("true or false: a bool, a string, or an integer, of which 0 is false")
}

func setText(field *string, value any) error {
	switch v := value.(type) {
	case string:
		*field = v
	case []byte:
		*field = string(v)
	case float32, float64:
		*field = fmt.Sprintf("%f", v) // as go-nsq
	default:
		n, ok := integer(value)
		if !ok {
			return errors.New("a string")
		}
		*field = strconv.FormatInt(n, 10)
	}
	return nil
}

func setAddr(field *net.Addr, value any) error {
	switch v := value.(type) {
	case net.Addr:
		*field = v
		return nil
	case string:
		addr, err := net.ResolveTCPAddr("tcp", v)
		if err != nil {
			return fmt.Errorf(`a net.Addr, or a string such as "192.0.2.1:0": %w`, err)
		}
		*field = addr
		return nil
	}
	return errors.New(`a net.Addr, or a string such as "192.0.2.1:0"`)
}

func span(value any) (time.Duration, bool) {
	switch v := value.(type) {
	case time.Duration:
		return v, true
	case string:
		d, err := time.ParseDuration(v)
		return d, err == nil
	}
	n, ok := integer(value)
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(n) * time.Millisecond, ok && -most <= n && n <= most
}

// integer returns the value of an integer of one of Go's own types, if an int64 can hold it.
func integer(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case uint:
		return int64(v), uint64(v) <= math.MaxInt64
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}
