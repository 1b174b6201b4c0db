package peers

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"testing"
	"time"

	"github.com/nsqio/go-nsq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// What README.md says behaves differently: each test shows both sides.

func newTheirs(t *testing.T, addr string, cfg *nsq.Config) *nsq.Producer {
	t.Helper()
	if cfg == nil {
		cfg = nsq.NewConfig()
	}
	p, err := nsq.NewProducer(addr, cfg)
	require.NoError(t, err)
	p.SetLogger(log.New(io.Discard, "", 0), nsq.LogLevelError)
	t.Cleanup(p.Stop)
	return p
}

func newOurs(t *testing.T, addr string, cfg *actor.Config) *actor.Producer {
	t.Helper()
	p, err := actor.NewProducer(addr, cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return p
}

func newDouble(t *testing.T, faults ...wiretest.Fault) *wiretest.Server {
	t.Helper()
	srv := wiretest.NewServer(faults...)
	t.Cleanup(srv.Close)
	return srv
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// closes returns an address where connections are closed as soon as their first bytes were read, so that a handshake fails, and
// with it nothing is ever written behind it.
func closes(t *testing.T) string {
	t.Helper()
	srv := newDouble(t, wiretest.OnIdentify().Close())
	return srv.Addr
}

// A stored message without an answer, and one that was never written: go-nsq has one error for what was in its hands.
func TestErrorsCarryOutcomes(t *testing.T) {
	stored := []wiretest.Fault{wiretest.OnPublish(1).Silence(), wiretest.OnPublish(1).Answered().Reset()}

	theirs := newDouble(t, stored...)
	require.Equal(t, nsq.ErrNotConnected, newTheirs(t, theirs.Addr, nil).Publish("t", []byte("x")))
	require.Equal(t, 1, theirs.MessageCount("t"))

	ours := newDouble(t, stored...)
	err := newOurs(t, ours.Addr, nil).Publish("t", []byte("x"))
	require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
	require.ErrorIs(t, err, actor.ErrConnectionLost)
	require.NotErrorIs(t, err, actor.ErrNotConnected)
	require.Equal(t, 1, ours.MessageCount("t"))

	addr := closes(t)
	require.ErrorAs(t, newTheirs(t, addr, nil).Publish("t", []byte("x")), new(nsq.ErrIdentify))
	err = newOurs(t, addr, nil).Publish("t", []byte("x"))
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.ErrorIs(t, err, io.EOF, "the cause is in it")

	const nobody = "127.0.0.1:1"
	require.ErrorAs(t, newTheirs(t, nobody, nil).Publish("t", []byte("x")), new(*net.OpError))
	err = newOurs(t, nobody, nil).Publish("t", []byte("x"))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.ErrorAs(t, err, new(*net.OpError))
}

func TestRefusalsHaveTheirCode(t *testing.T) {
	fault := wiretest.OnPublish(1).Error(wire.CodePubFailed, "PUB failed exiting")
	err := newTheirs(t, newDouble(t, fault).Addr, nil).Publish("t", []byte("x"))
	require.Equal(t, nsq.ErrProtocol{Reason: "E_PUB_FAILED PUB failed exiting"}, err)

	err = newOurs(t, newDouble(t, fault).Addr, nil).Publish("t", []byte("x"))
	var refusal *wire.ReplyError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, wire.ReplyError{Code: "E_PUB_FAILED", Text: "PUB failed exiting"}, *refusal)
}

// go-nsq's Stop gives up what nsqd has and has not answered yet; ours waits for the answer.
func TestStopDrains(t *testing.T) {
	srv := newDouble(t)
	theirs, ours := newTheirs(t, srv.Addr, nil), newOurs(t, srv.Addr, nil)
	require.NoError(t, theirs.Ping())
	require.NoError(t, ours.Ping())
	srv.Stall()
	theirDone := make(chan *nsq.ProducerTransaction, 1)
	require.NoError(t, theirs.PublishAsync("t", []byte("x"), theirDone))
	require.NoError(t, srv.WaitMessages(within(t), 1))
	theirs.Stop()
	require.Equal(t, nsq.ErrNotConnected, (<-theirDone).Error)
	require.Equal(t, nsq.ErrStopped, theirs.Publish("t", []byte("x")))

	ourDone := make(chan *actor.Transaction, 1)
	require.NoError(t, ours.PublishAsync("t", []byte("x"), ourDone))
	require.NoError(t, srv.WaitMessages(within(t), 2))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ours.Stop()
	}()
	srv.Resume()
	<-stopped
	require.NoError(t, (<-ourDone).Error)
	require.True(t, ours.Publish("t", []byte("x")) == actor.ErrStopped, "it is bare")
}

// A done channel that nobody reads: go-nsq's producer waits for its reader, and everybody with it; ours does not.
func TestUnreadResultsHoldUpNobody(t *testing.T) {
	srv := newDouble(t)
	theirs := newTheirs(t, srv.Addr, nil)
	theirDone := make(chan *nsq.ProducerTransaction)
	require.NoError(t, theirs.PublishAsync("t", []byte("x"), theirDone))
	require.NoError(t, srv.WaitMessages(within(t), 1))
	second := make(chan error, 1)
	go func() { second <- theirs.Publish("t", []byte("x")) }()
	select {
	case err := <-second:
		require.FailNow(t, "it did not wait", "%v", err)
	case <-time.After(50 * time.Millisecond):
	}
	<-theirDone
	require.NoError(t, <-second)

	ours := newOurs(t, srv.Addr, nil)
	ourDone := make(chan *actor.Transaction)
	require.NoError(t, ours.PublishAsync("t", []byte("x"), ourDone))
	require.NoError(t, ours.Publish("t", []byte("x")))
	<-ourDone
}

// An nsqd without TLS: go-nsq publishes in clear, ours not at all.
func TestTLSIsRequired(t *testing.T) {
	srv := newDouble(t)
	theirCfg := nsq.NewConfig()
	theirCfg.TlsV1 = true
	require.NoError(t, newTheirs(t, srv.Addr, theirCfg).Publish("t", []byte("in clear")))
	require.Equal(t, 1, srv.MessageCount("t"))

	err := newOurs(t, srv.Addr, &actor.Config{TlsV1: true}).Publish("t", []byte("in clear"))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.Equal(t, 1, srv.MessageCount("t"))

	theirCfg = nsq.NewConfig()
	theirCfg.TlsConfig = &tls.Config{}
	require.NoError(t, newTheirs(t, srv.Addr, theirCfg).Publish("t", []byte("in clear")))
	require.ErrorContains(t, (&actor.Config{TlsConfig: &tls.Config{}}).Validate(), "TlsV1 is not")
}

// A ServerName that is set: go-nsq puts the address's host in its place, ours asks for it.
func TestServerNameStays(t *testing.T) {
	a := authority.New(t)
	srv := wiretest.Config{TLS: &tls.Config{Certificates: []tls.Certificate{a.Pair("nsqd.example", time.Hour)}}}.NewServer()
	defer srv.Close()
	own := &tls.Config{RootCAs: a.Pool, ServerName: "nsqd.example"}
	theirCfg := nsq.NewConfig()
	theirCfg.TlsV1, theirCfg.TlsConfig = true, own
	require.ErrorContains(t, newTheirs(t, srv.Addr, theirCfg).Publish("t", []byte("x")), "127.0.0.1")
	require.NoError(t, newOurs(t, srv.Addr, &actor.Config{TlsV1: true, TlsConfig: own}).Publish("t", []byte("x")))
}

// What nsqd refuses goes to it with go-nsq, and costs the connection; ours refuses it itself, and connects to nobody for it.
func TestInputIsCheckedFirst(t *testing.T) {
	for name, c := range map[string]struct {
		theirs func(*nsq.Producer) error
		ours   func(*actor.Producer) error
		err    error
	}{
		"topic": {
			func(p *nsq.Producer) error { return p.Publish("topic?", []byte("x")) },
			func(p *actor.Producer) error { return p.Publish("topic?", []byte("x")) },
			wire.ErrTopic,
		},
		"empty body": {
			func(p *nsq.Producer) error { return p.Publish("t", []byte{}) },
			func(p *actor.Producer) error { return p.Publish("t", []byte{}) },
			wire.ErrEmpty,
		},
		"empty batch": {
			func(p *nsq.Producer) error { return p.MultiPublish("t", nil) },
			func(p *actor.Producer) error { return p.MultiPublish("t", nil) },
			wire.ErrEmpty,
		},
		"large body": {
			func(p *nsq.Producer) error { return p.Publish("t", make([]byte, 1<<20+1)) },
			func(p *actor.Producer) error { return p.Publish("t", make([]byte, 1<<20+1)) },
			wire.ErrSize,
		},
		"long delay": {
			func(p *nsq.Producer) error { return p.DeferredPublish("t", 2*time.Hour, []byte("x")) },
			func(p *actor.Producer) error { return p.DeferredPublish("t", 2*time.Hour, []byte("x")) },
			wire.ErrDelay,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newDouble(t)
			assert.Error(t, c.theirs(newTheirs(t, srv.Addr, nil)))
			assert.NoError(t, srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Refused == 1 && s.Open == 0 }))

			err := c.ours(newOurs(t, srv.Addr, nil))
			assert.ErrorIs(t, err, c.err)
			assert.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			assert.Equal(t, 1, srv.Stats().Conns)
		})
	}
}

// A topic with a space: with go-nsq its second half goes astray, and the message into another topic.
func TestTopicsWithSpaces(t *testing.T) {
	nsqd := nsqdtest.Start(t)
	require.NoError(t, newTheirs(t, nsqd.TCPAddr, nil).Publish("new orders", []byte("x")))
	require.EqualValues(t, 1, nsqd.MessageCount("new"))
	require.ErrorIs(t, newOurs(t, nsqd.TCPAddr, nil).Publish("new orders", []byte("x")), wire.ErrTopic)
}

// Larger messages than nsqd takes by default, at an nsqd that takes them: go-nsq knows no limit, ours has to be told.
func TestLimitsAreConfigured(t *testing.T) {
	srv := wiretest.Config{MaxMsgSize: 4 << 20}.NewServer()
	defer srv.Close()
	large := make([]byte, 2<<20)
	require.NoError(t, newTheirs(t, srv.Addr, nil).Publish("t", large))
	require.ErrorIs(t, newOurs(t, srv.Addr, nil).Publish("t", large), wire.ErrSize)
	require.NoError(t, newOurs(t, srv.Addr, &actor.Config{MaxMsgSize: 4 << 20}).Publish("t", large))
	require.Equal(t, 2, srv.MessageCount("t"))
}

func TestDelaysAreRoundedUp(t *testing.T) {
	srv := newDouble(t)
	const delay = 1500 * time.Microsecond
	require.NoError(t, newTheirs(t, srv.Addr, nil).DeferredPublish("t", delay, []byte("x")))
	require.NoError(t, newOurs(t, srv.Addr, nil).DeferredPublish("t", delay, []byte("x")))
	require.Equal(t, time.Millisecond, srv.Messages()[0].Delay)
	require.Equal(t, 2*time.Millisecond, srv.Messages()[1].Delay)
}

// go-nsq connects when somebody publishes; ours is back by itself when a connection was lost.
func TestConnectsByItself(t *testing.T) {
	srv := newDouble(t)
	theirs := newTheirs(t, srv.Addr, nil)
	require.NoError(t, theirs.Publish("t", []byte("x")))
	ours := newOurs(t, srv.Addr, nil)
	require.NoError(t, ours.Publish("t", []byte("x")))
	srv.CloseAll()
	require.NoError(t, srv.WaitConns(within(t), 3))
	require.NoError(t, ours.Ping())
	require.EqualValues(t, 2, ours.Stats().Connections)
	require.Equal(t, 3, srv.Stats().Conns)
}

// go-nsq's Ping writes a NOP; ours writes nothing.
func TestPingWritesNothing(t *testing.T) {
	srv := newDouble(t)
	require.NoError(t, newTheirs(t, srv.Addr, nil).Ping())
	require.NoError(t, srv.WaitCommands(within(t), 2))
	require.Equal(t, 1, srv.Stats().Nops)
	require.NoError(t, newOurs(t, srv.Addr, nil).Ping())
	require.Equal(t, 3, srv.Stats().Commands, "IDENTIFY twice, and NOP")
}

// A Config may be written as a literal, and be nil.
func TestConfigLiterals(t *testing.T) {
	require.Panics(t, func() { nsq.NewProducer("127.0.0.1:1", &nsq.Config{}) })
	require.Panics(t, func() { nsq.NewProducer("127.0.0.1:1", nil) })
	for _, cfg := range []*actor.Config{nil, {}} {
		_, err := actor.NewProducer("127.0.0.1:1", cfg)
		require.NoError(t, err)
	}
	wrong := &actor.Config{DialTimeout: -1, MaxPending: -1}
	_, err := actor.NewProducer("127.0.0.1:1", wrong)
	require.ErrorContains(t, err, "DialTimeout")
	require.ErrorContains(t, err, "MaxPending")
}

// talk passes on what go-nsq logs, as far as there is room.
type talk chan string

func (c talk) Output(_ int, line string) error {
	select {
	case c <- line:
	default:
	}
	return nil
}

// go-nsq tells of its connections from level INF on, unless it is told otherwise; ours is silent unless it is given a Logger.
func TestSilentByDefault(t *testing.T) {
	p, err := nsq.NewProducer(newDouble(t).Addr, nsq.NewConfig())
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	said := make(talk, 1)
	p.SetLoggerForLevel(said, nsq.LogLevelInfo) // the level from which on it logs stays the default
	require.NoError(t, p.Ping())
	require.Contains(t, <-said, "connecting to nsqd")
	require.Nil(t, actor.NewConfig().Logger)
}
