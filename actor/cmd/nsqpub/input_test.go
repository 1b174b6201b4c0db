package main

import (
	"context"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInput(t *testing.T) {
	r, w := io.Pipe()
	in := newInput(context.Background(), r)
	go func() {
		for _, text := range []string{"one", "", "two", string(make([]byte, 3*chunkSize))} {
			io.WriteString(w, text)
		}
		w.Close()
	}()
	got, err := io.ReadAll(iotest.OneByteReader(in))
	require.NoError(t, err)
	assert.Equal(t, "onetwo"+string(make([]byte, 3*chunkSize)), string(got))
	_, err = in.Read(make([]byte, 1))
	assert.True(t, err == io.EOF, "again: %v", err)
}

// A read that waits is called off; what was there before it comes first.
func TestInputCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	defer w.Close()
	in := newInput(ctx, r)
	go func() {
		w.Write([]byte("abc"))
		cancel()
	}()
	got, err := io.ReadAll(in)
	assert.Equal(t, errSignal, err)
	assert.Equal(t, "abc", string(got))
}

// Once it is called off, nothing more is taken.
func TestInputTakesNothingMore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	taken := 0
	in := newInput(ctx, readerFunc(func(p []byte) (int, error) {
		taken++
		return copy(p, "abc"), nil
	}))
	p := make([]byte, 1)
	_, err := in.Read(p)
	require.NoError(t, err)
	cancel()
	rest, err := io.ReadAll(in)
	assert.Equal(t, errSignal, err)
	assert.Equal(t, "bc", string(rest))
	assert.Equal(t, 1, taken)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
