package peers

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsqio/go-nsq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
)

// alike is what both Producers have with the very same signature. Stop and Ping do another thing by the same name: Stop drains,
// and Ping writes no NOP, which nsqd would not answer. String returns the address in both.
type alike interface {
	Publish(topic string, body []byte) error
	MultiPublish(topic string, bodies [][]byte) error
	DeferredPublish(topic string, delay time.Duration, body []byte) error
	Ping() error
	Stop()
	String() string
}

// asynchronous is what both have with a done channel, whose element differs on purpose: a Transaction of ours can be released.
type asynchronous[T any] interface {
	PublishAsync(topic string, body []byte, done chan *T, args ...any) error
	MultiPublishAsync(topic string, bodies [][]byte, done chan *T, args ...any) error
	DeferredPublishAsync(topic string, delay time.Duration, body []byte, done chan *T, args ...any) error
}

var (
	_ alike = (*nsq.Producer)(nil)
	_ alike = (*actor.Producer)(nil)

	_ asynchronous[nsq.ProducerTransaction] = (*nsq.Producer)(nil)
	_ asynchronous[actor.Transaction]       = (*actor.Producer)(nil)

	_ func(string, *nsq.Config) (*nsq.Producer, error)     = nsq.NewProducer
	_ func(string, *actor.Config) (*actor.Producer, error) = actor.NewProducer

	_ func() *nsq.Config   = nsq.NewConfig
	_ func() *actor.Config = actor.NewConfig

	// What a result has.
	_ = func(t *nsq.ProducerTransaction) ([]any, error) { return t.Args, t.Error }
	_ = func(t *actor.Transaction) ([]any, error) { return t.Args, t.Error }
)

// loggers are those methods of go-nsq's Producer that have no counterpart among ours: a logger is given once, in
// Config.Logger, as a *slog.Logger, and what levels it wants its handler knows.
var loggers = []string{"SetLogger", "SetLoggerForLevel", "SetLoggerLevel"}

func TestEveryMethodOfGoNSQ(t *testing.T) {
	both := append(methodsOf(reflect.TypeFor[alike]()), methodsOf(reflect.TypeFor[asynchronous[nsq.ProducerTransaction]]())...)
	assert.ElementsMatch(t, append(both, loggers...), methodsOf(reflect.TypeFor[*nsq.Producer]()))
}

func methodsOf(typ reflect.Type) (names []string) {
	for i := range typ.NumMethod() {
		names = append(names, typ.Method(i).Name)
	}
	return names
}

func fieldsOf(typ reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(typ) {
		if f.IsExported() {
			names = append(names, f.Name)
		}
	}
	return names
}

// The names that README.md uses. What stands behind a dot is looked up in the type; the rest is compiled here.
var (
	theirTypes = map[string]reflect.Type{
		"Producer": reflect.TypeFor[*nsq.Producer](), "ProducerTransaction": reflect.TypeFor[*nsq.ProducerTransaction](),
		"Config": reflect.TypeFor[*nsq.Config](), "ConfigFlag": reflect.TypeFor[*nsq.ConfigFlag](),
		"ErrProtocol": reflect.TypeFor[*nsq.ErrProtocol](), "ErrIdentify": reflect.TypeFor[*nsq.ErrIdentify](),
	}
	theirValues = map[string]any{
		"NewProducer": nsq.NewProducer, "NewConfig": nsq.NewConfig,
		"ErrStopped": nsq.ErrStopped, "ErrNotConnected": nsq.ErrNotConnected,
	}
	ourTypes = map[string]reflect.Type{
		"Producer": reflect.TypeFor[*actor.Producer](), "Transaction": reflect.TypeFor[*actor.Transaction](),
		"Config": reflect.TypeFor[*actor.Config](), "ConfigFlag": reflect.TypeFor[*actor.ConfigFlag](),
		"Error": reflect.TypeFor[*actor.Error](), "Tally": reflect.TypeFor[*actor.Tally](),
		"wire.ReplyError": reflect.TypeFor[*wire.ReplyError](),
	}
	ourValues = map[string]any{
		"NewProducer": actor.NewProducer, "NewConfig": actor.NewConfig, "OutcomeOf": actor.OutcomeOf,
		"ErrStopped": actor.ErrStopped, "ErrFull": actor.ErrFull,
		"ErrNotConnected": actor.ErrNotConnected, "ErrConnectionLost": actor.ErrConnectionLost,
		"wire.ErrTopic": wire.ErrTopic, "wire.ErrEmpty": wire.ErrEmpty, "wire.ErrSize": wire.ErrSize, "wire.ErrDelay": wire.ErrDelay,
	}
)

func known(name string, types map[string]reflect.Type, values map[string]any) bool {
	if types[name] != nil || values[name] != nil {
		return true
	}
	dot := strings.LastIndexByte(name, '.')
	typ := types[name[:max(dot, 0)]]
	return typ != nil && (slices.Contains(methodsOf(typ), name[dot+1:]) || slices.Contains(fieldsOf(typ.Elem()), name[dot+1:]))
}

func isTheirs(name string) bool { return known(name, theirTypes, theirValues) }
func isOurs(name string) bool   { return known(name, ourTypes, ourValues) }

const heading = "## Moving over from go-nsq\n"

// page returns README.md's section about moving over, and its tables' rows by columns, without their heads.
func page(t *testing.T) (text string, tables [][][]string) {
	t.Helper()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(readme), heading)
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n## ")
	inTable := false
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			inTable = false
			continue
		}
		if !inTable {
			tables = append(tables, nil)
		}
		inTable = true
		cells := strings.Split(strings.Trim(line, "|"), "|")
		tables[len(tables)-1] = append(tables[len(tables)-1], cells)
	}
	for i := range tables {
		require.Greater(t, len(tables[i]), 3, "a head, a rule, rows")
		tables[i] = tables[i][2:]
	}
	require.Len(t, tables, 2)
	return text, tables
}

var quoted = regexp.MustCompile("`([^`]+)`")

func namesIn(text string) (names []string) {
	for _, match := range quoted.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

// README.md's table of names: what it says of go-nsq is go-nsq's, what it says is here is here, and nothing of a Producer is missing.
func TestPageHasEveryName(t *testing.T) {
	_, tables := page(t)
	var theirs []string
	for _, row := range tables[0] {
		require.Len(t, row, 3)
		require.NotEmpty(t, namesIn(row[0]))
		require.NotEmpty(t, namesIn(row[1]), "%v", row)
		for _, name := range namesIn(row[0]) {
			assert.True(t, isTheirs(name), "%s is not go-nsq's", name)
			theirs = append(theirs, name)
		}
		for _, name := range namesIn(row[1]) {
			assert.True(t, isOurs(name), "%s is not ours", name)
		}
	}
	for _, method := range methodsOf(reflect.TypeFor[*nsq.Producer]()) {
		assert.Contains(t, theirs, "Producer."+method)
	}
	for name := range theirValues {
		assert.Contains(t, theirs, name)
	}
}

// README.md's table of Config's fields: they are all there, and as the table says.
func TestPageHasEveryField(t *testing.T) {
	_, tables := page(t)
	rows := map[string][]string{}
	for _, row := range tables[1] {
		require.Len(t, row, 2)
		rows[strings.TrimSpace(row[0])] = namesIn(row[1])
	}
	same, except, other, consumers, added := rows["as in go-nsq"], rows["with another default"], rows["another thing here"],
		rows["a consumer's, gone"], rows["new"]
	require.Len(t, rows, 5)
	assert.ElementsMatch(t, slices.Concat(same, except, other, consumers), fieldsOf(reflect.TypeFor[nsq.Config]()))
	assert.ElementsMatch(t, slices.Concat(same, except, other, added), fieldsOf(reflect.TypeFor[actor.Config]()))

	theirs, ours := reflect.ValueOf(nsq.NewConfig()).Elem(), reflect.ValueOf(actor.NewConfig()).Elem()
	for _, name := range same {
		assert.Equal(t, theirs.FieldByName(name).Interface(), ours.FieldByName(name).Interface(), name)
	}
	for _, name := range except {
		assert.Equal(t, theirs.FieldByName(name).Type(), ours.FieldByName(name).Type(), name)
		assert.NotEqual(t, theirs.FieldByName(name).Interface(), ours.FieldByName(name).Interface(), name)
	}
	for _, name := range slices.Concat(same, except) {
		assert.Contains(t, slices.Collect(maps.Values(producers)), name, "an option that a producer has")
	}
	assert.Equal(t, []string{"MaxAttempts"}, other)
}

// What else README.md's section names exists in one of the two.
func TestPageNamesNothingElse(t *testing.T) {
	text, _ := page(t)
	name := regexp.MustCompile(`^(wire\.)?[A-Z]\w*(\.[A-Z]\w*)?$`)
	seen := 0
	for _, word := range namesIn(text) {
		if !name.MatchString(word) {
			continue
		}
		seen++
		exists := isTheirs(word) || isOurs(word) || isOurs("Config."+word) || isTheirs("Config."+word) || isOurs("Error."+word) ||
			isOurs("Transaction."+word) || isOurs("wire.ReplyError."+word)
		assert.True(t, exists, word)
	}
	assert.Greater(t, seen, 50)
}
