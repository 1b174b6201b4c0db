package state

import "sync/atomic"

// Flag is a fact that is so or not. The zero Flag is not set. Anyone may set, clear and load it.
type Flag struct{ v atomic.Bool }

// Set makes it so, and reports whether this call did it.
func (f *Flag) Set() bool { return f.v.CompareAndSwap(false, true) }

// Clear makes it not so.
func (f *Flag) Clear() { f.v.Store(false) }

// IsSet reports whether it is so.
func (f *Flag) IsSet() bool { return f.v.Load() }
