package main

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whole is a line with all its content, as a caller of next and rest sees it.
type whole struct {
	number uint64
	text   string
	long   bool
	cut    error
}

func readLines(t *testing.T, l *lines) (all []whole, end error) {
	for {
		next, err := l.next()
		if err != nil {
			_, again := l.next()
			require.Equal(t, err, again, "the end is final")
			return all, err
		}
		w := whole{next.number, string(next.text), next.long, next.cut}
		if next.long {
			var rest strings.Builder
			require.NoError(t, l.rest(&rest))
			w.text += rest.String()
		}
		all = append(all, w)
	}
}

func TestLines(t *testing.T) {
	const limit = 3 * chunkSize
	long := strings.Repeat("x", limit+5*chunkSize)
	cases := []struct {
		name, input string
		delimiter   byte
		want        []whole
	}{
		{"nothing", "", '\n', nil},
		{"one", "a\n", '\n', []whole{{1, "a", false, nil}}},
		{"no delimiter at the end", "a\nb", '\n', []whole{{1, "a", false, nil}, {2, "b", false, nil}}},
		{"empty ones", "\na\n\n", '\n', []whole{{1, "", false, nil}, {2, "a", false, nil}, {3, "", false, nil}}},
		{"carriage returns stay", "a\r\nb\r", '\n', []whole{{1, "a\r", false, nil}, {2, "b\r", false, nil}}},
		{"another delimiter", "a\n,b", ',', []whole{{1, "a\n", false, nil}, {2, "b", false, nil}}},
		{"longer than the buffer", long[:limit] + "\nb\n", '\n', []whole{{1, long[:limit], false, nil}, {2, "b", false, nil}}},
		{"above the limit", long + "\nb\n", '\n', []whole{{1, long, true, nil}, {2, "b", false, nil}}},
		{"above the limit, last", long, '\n', []whole{{1, long, true, nil}}},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole":    func(r io.Reader) io.Reader { return r },
		"halves":   iotest.HalfReader,
		"data+EOF": iotest.DataErrReader,
	}
	for _, c := range cases {
		for name, reader := range readers {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				got, end := readLines(t, newLines(reader(strings.NewReader(c.input)), c.delimiter, limit))
				assert.True(t, end == io.EOF, "%v", end)
				assert.Equal(t, c.want, got)
			})
		}
	}
}

func TestLinesCutOff(t *testing.T) {
	broken := errors.New("broken")
	for input, want := range map[string][]whole{
		"a\nb": {{1, "a", false, nil}, {2, "b", false, broken}},
		"a\n":  {{1, "a", false, nil}},
		"":     nil,
	} {
		got, end := readLines(t, newLines(io.MultiReader(strings.NewReader(input), iotest.ErrReader(broken)), '\n', 10))
		assert.Equal(t, broken, end)
		assert.Equal(t, want, got)
	}
}

// What has passed is what lies ahead of the line that is being published, delimiters and long lines' rests with it.
func TestLinesPassed(t *testing.T) {
	long := strings.Repeat("x", 3*chunkSize)
	l := newLines(strings.NewReader("a\n\nbc\n"+long+"\n"+long+"\nlast"), '\n', 10)
	for i, want := range []int{0, 2, 3, 6, 7 + len(long), 8 + 2*len(long)} {
		next, err := l.next()
		require.NoError(t, err)
		assert.EqualValues(t, want, l.passed.Load(), "line %d", i+1)
		if i == 3 {
			require.True(t, next.long)
			require.NoError(t, l.rest(io.Discard)) // that of line 5 is skipped
		}
	}
	_, err := l.next()
	require.Equal(t, io.EOF, err)
	assert.EqualValues(t, 12+2*len(long), l.passed.Load())
}

// A rest that nobody reads is skipped, and one that cannot be written too.
func TestLinesRestSkipped(t *testing.T) {
	text := strings.Repeat("x", 5*chunkSize) + "\nb\n"
	l := newLines(strings.NewReader(text), '\n', 10)
	first, err := l.next()
	require.NoError(t, err)
	assert.True(t, first.long)
	second, err := l.next()
	require.NoError(t, err)
	assert.Equal(t, "b", string(second.text))
	assert.EqualValues(t, 2, second.number)

	l = newLines(strings.NewReader(text), '\n', 10)
	_, err = l.next()
	require.NoError(t, err)
	full := errors.New("disk full")
	assert.Equal(t, full, l.rest(failingWriter{full}))
	second, err = l.next()
	require.NoError(t, err)
	assert.Equal(t, "b", string(second.text))
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// A line of a quarter of a gigabyte is not held, whether its rest is wanted or not.
func TestLinesMemory(t *testing.T) {
	const size = 256 << 20
	for _, wanted := range []bool{false, true} {
		input := io.MultiReader(io.LimitReader(xs{}, size), strings.NewReader("\nb"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l := newLines(input, '\n', 1<<20)
		first, err := l.next()
		require.NoError(t, err)
		passed := len(first.text)
		if wanted {
			var n counter
			require.NoError(t, l.rest(&n))
			passed += int(n)
			assert.Equal(t, size, passed)
		}
		second, err := l.next()
		require.NoError(t, err)
		runtime.ReadMemStats(&after)
		assert.Equal(t, "b", string(second.text))
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
	}
}

// xs is an endless supply of the letter x.
type xs struct{}

var someXs = bytes.Repeat([]byte("x"), 4096)

func (xs) Read(p []byte) (int, error) { return copy(p, someXs), nil }

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
