//go:build !race

package state

// raced says that the race detector is at work, under which exploring takes several times as long.
const raced = false
